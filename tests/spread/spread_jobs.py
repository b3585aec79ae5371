"""Jobs of these tests, which workers find by the name of this module."""

from __future__ import annotations

import logging
import os
import resource
import signal
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from asr_prune.errors import UserError
from asr_prune.files import atomic

log = logging.getLogger("asr_prune.tests")


def write(text: str, out: Path) -> None:
    """Writes and logs `text`."""
    log.info("writing %s", text)
    with atomic(out) as file:
        file.write(text)


def tell_process(out: Path) -> None:
    """Writes what one process has one of."""
    write(f"{os.getpid()} {os.environ.get('OMP_NUM_THREADS')} {threading.active_count()}", out)


def refuse(out: Path) -> None:
    """Fails of something that the user can repair."""
    raise UserError(f"{out} is not wanted; leave it out.")


class _Odd(Exception):
    """An error that cannot be pickled."""

    def __init__(self, one: int, other: int) -> None:
        super().__init__(f"{one} and {other}")


def fail(out: Path) -> None:
    """Fails of a fault of the program."""
    raise _Odd(1, 2)


def die(out: Path) -> None:
    """Kills its process, as the kernel does when memory runs out."""
    os.kill(os.getpid(), signal.SIGKILL)


def die_once(mark: Path, out: Path) -> None:
    """Kills its process, unless `mark` is there."""
    if not mark.is_file():
        mark.touch()
        die(out)
    write("survived", out)


def linger(seconds: float, out: Path) -> None:
    """Takes its time."""
    time.sleep(seconds)
    write("at last", out)


def await_mark(mark: Path, out: Path) -> None:
    """Takes until `mark` is there."""
    while not mark.is_file():
        time.sleep(0.05)
    write("at last", out)


def compute(out: Path) -> None:
    """Writes what depends on the threads and the place: torch's threads, and the current folder."""
    import torch

    write(f"{torch.get_num_threads()} {Path.cwd()}", out)


def allocate(out: Path) -> None:
    """Writes how many pages this thread takes anew for 200 arrays of 1 MiB, one after the other."""
    np.ones(1 << 17).sum()
    before = resource.getrusage(resource.RUSAGE_THREAD).ru_minflt
    for _ in range(200):
        np.ones(1 << 17).sum()
    write(str(resource.getrusage(resource.RUSAGE_THREAD).ru_minflt - before), out)


@dataclass(frozen=True)
class Squaring:
    """Squares a number, and kills its process at some utterances, each as often as `deadly` says.

    folder: for the marks of those that were killed.
    """

    folder: Path
    deadly: Mapping[str, int]

    def __call__(self, utt: str, number: int) -> int:
        marks = self.folder / utt
        if utt in self.deadly and (ends := len(list(self.folder.glob(f"{utt}.*")))) < self.deadly[utt]:
            marks.with_suffix(f".{ends}").touch()
            die(marks)
        return number * number

    def pair(self, pair: tuple[str, int]) -> int:
        """As a call, of a pair."""
        return self(*pair)
