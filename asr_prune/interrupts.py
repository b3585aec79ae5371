"""Ctrl-C and kill: the command cleans up, its workers leave both to it."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _leave_to_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


@contextmanager
def interruptible() -> Iterator[None]:
    """Makes `kill` act as Ctrl-C, so that half-made files are taken away; forked workers leave both to their parent."""
    before = signal.signal(signal.SIGTERM, _interrupt)
    os.register_at_fork(after_in_child=_leave_to_parent)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def starting_workers() -> Iterator[None]:
    """Fresh processes that are started within ignore Ctrl-C from their first instruction on; so does, until the end of
    the block, this one.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
