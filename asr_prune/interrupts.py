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
    waits until the program has ended. A status below 0 is the signal that killed it.
    """
    child: subprocess.Popen[bytes] | None = None
    terminated = False

    def pass_on(number: int, frame: FrameType | None) -> None:
        nonlocal terminated
        terminated = True
        if child is not None:
            child.terminate()

    before = signal.signal(signal.SIGINT, _wait), signal.signal(signal.SIGTERM, pass_on)
    try:
        child = subprocess.Popen(command, env=environment)
        if terminated:  # before `child` was assigned
            child.terminate()
        return child.wait()
    finally:
        signal.signal(signal.SIGINT, before[0])
        signal.signal(signal.SIGTERM, before[1])


def _wait(number: int, frame: FrameType | None) -> None:
    """Unlike SIG_IGN, a handler is not inherited by the child."""
