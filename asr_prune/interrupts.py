"""Ctrl-C and `kill`: both let a command clean up before it ends."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FrameType


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


@contextmanager
def interruptible() -> Iterator[None]:
    """Makes SIGTERM raise KeyboardInterrupt within the block, so that partial files are removed.

    Workers of a `process.worker_pool` ignore both signals' cleanup and leave it to their parent.
    """
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def run_child(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Runs a program that cleans up by itself when interrupted. Returns its exit status.

    Ctrl-C in a terminal reaches the program directly, SIGTERM is passed on; in both cases this
    waits until the program has ended. A status below 0 is the signal that killed it. Raises
    KeyboardInterrupt if a signal came too late for the program. For the main thread only.
    """
    child: subprocess.Popen[bytes] | None = None
    signals: set[int] = set()

    def note(number: int, frame: FrameType | None) -> None:
        signals.add(number)
        if child is not None and number == signal.SIGTERM:
            child.terminate()

    # unlike SIG_IGN, a handler is not inherited by the program
    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        child = subprocess.Popen(command, env=environment)
        if signal.SIGTERM in signals:
            child.terminate()
        status = child.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if signals and status == 0:
        raise KeyboardInterrupt
    return status
