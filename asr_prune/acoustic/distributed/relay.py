"""Log messages of a process, shown and written by the one that started it."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from logging.handlers import QueueHandler
from multiprocessing.connection import Client, Connection, Listener
from threading import Thread
from typing import NamedTuple


class Receiver(NamedTuple):
    """Where a process sends its messages, and from which level on."""

    address: tuple[str, int]
    key: bytes
    level: int


@contextmanager
def receiver() -> Iterator[Receiver]:
    """While it is open, messages that are sent to it go to the loggers of this process.

    A sender may be killed at any time; another one may come after it.
    """
    key = secrets.token_bytes(16)
    with Listener(("127.0.0.1", 0), authkey=key) as listener:
        thread = Thread(target=_receive, args=(listener,), daemon=True)
        thread.start()
        level = logging.getLogger("asr_prune").getEffectiveLevel()
        place = Receiver(listener.address, key, level)
        try:
            yield place
        finally:
            with suppress(OSError):
                Client(place.address, authkey=key).send(None)
            thread.join(timeout=5)


def _receive(listener: Listener) -> None:
    """Handles messages until None comes."""
    while True:
        with suppress(OSError, EOFError), listener.accept() as connection:
            while (record := connection.recv()) is not None:
                logging.getLogger(record.name).handle(record)
            return


class _Sender:
    """The queue of a QueueHandler that is the end of a connection."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def put_nowait(self, record: logging.LogRecord) -> None:
        self.connection.send(record)


def send_logs(to: Receiver) -> None:
    """From now on, messages of this process go to a `receiver`."""
    handler = QueueHandler(_Sender(Client(to.address, authkey=to.key)))  # type: ignore[arg-type]
    handler.setFormatter(logging.Formatter("%(message)s"))  # the receiver's handlers have theirs
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.getLogger("asr_prune").setLevel(to.level)
