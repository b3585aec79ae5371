"""A task: a piece of a stage's work that any process can do, on this machine or another."""

from __future__ import annotations

import ctypes
import importlib
import logging
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from asr_prune.errors import UserError

#: parameters of glibc's mallopt, and the values that it comes to by itself unless, as in the workers
#: of Dask, MALLOC_TRIM_THRESHOLD_ is set: bytes that may stay free, and that are mapped each time
_M_TRIM_THRESHOLD, _TRIM = -1, 64 << 20
_M_MMAP_THRESHOLD, _MMAP = -3, 32 << 20

#: a message of a task: its logger, its level, its text
Message = tuple[str, int, str]


@dataclass(frozen=True)
class Task:
    """A piece of work that depends on nothing but files and its arguments.

    name: in messages, such as "features of train, part 3"; job: a function of the package,
    "module:function"; arguments: small values that can be pickled: paths, names, options; output:
    the file that the job writes, through `files.atomic`, so that it is there only if it is
    complete, and a task that is done twice leaves one result. The job is called with `arguments`
    by name, and with `out=output`.
    """

    name: str
    job: str
    arguments: Mapping[str, Any]
    output: Path

    def do(self) -> None:
        """Does it in this process. Raises what the job raises."""
        find_job(self.job)(**self.arguments, out=self.output)


#: is called with the tasks that are being done
Watcher = Callable[[Sequence[Task]], None]


def watch_nothing(doing: Sequence[Task]) -> None:
    """For those who need not know what is being done."""


def find_job(name: str) -> Callable[..., Any]:
    """The function that "module:function" names."""
    module, _, function = name.partition(":")
    job: Callable[..., Any] = getattr(importlib.import_module(module), function)
    return job


class TaskFailed(Exception):
    """A task failed in another process, of something that its user cannot repair."""


@dataclass(frozen=True)
class Report:
    """What another process tells of a task, in plain values, since not all errors can be pickled.

    wrong: the sentence of a UserError; memory: whether it had too little; failed, trace: any other
    error in a line, and its traceback; messages: what was logged.
    """

    wrong: str = ""
    memory: bool = False
    failed: str = ""
    trace: str = ""
    messages: list[Message] = field(default_factory=list)

    def receive(self, task: Task, where: str = "") -> None:
        """Logs the messages here, and raises what the task raised there.

        where: what messages begin with.
        """
        for name, level, text in self.messages:
            logging.getLogger(name).log(level, "%s%s", where, text)
        if self.wrong:
            raise UserError(self.wrong)
        if self.memory:
            raise MemoryError(task.name)
        if self.failed:
            error = TaskFailed(f"{task.name}: {self.failed}")
            error.add_note(self.trace)
            raise error


def attempt(task: Task) -> Report:
    """Does a task in a process of a pool; tells its errors and messages instead of raising them."""
    messages: list[Message] = []
    try:
        with _collected(messages):
            task.do()
    except UserError as error:
        return Report(wrong=str(error), messages=messages)
    except MemoryError:
        return Report(memory=True, messages=messages)
    except Exception as error:
        text = f"{type(error).__name__}: {error}"
        return Report(failed=text, trace=traceback.format_exc(), messages=messages)
    return Report(messages=messages)


class _Collector(logging.Handler):
    def __init__(self, messages: list[Message]) -> None:
        super().__init__()
        self.messages = messages

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append((record.name, record.levelno, record.getMessage()))


@contextmanager
def _collected(messages: list[Message]) -> Iterator[None]:
    """What the package logs within the block goes to `messages` alone."""
    log = logging.getLogger("asr_prune")
    before = log.handlers, log.propagate, log.level
    log.handlers, log.propagate = [_Collector(messages)], False
    log.setLevel(min(log.level or logging.INFO, logging.INFO))
    try:
        yield
    finally:
        log.handlers, log.propagate = before[:2]
        log.setLevel(before[2])


def begin_tasks() -> None:
    """Readies this process for tasks: it computes in one thread, since others of its kind have the
    other cores, and keeps the memory that it frees.
    """
    keep_freed_memory()
    os.environ["OMP_NUM_THREADS"] = "1"  # read when torch is loaded
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)


def keep_freed_memory() -> None:
    """Lets this process keep up to 64 MiB that it frees, if its C library is glibc: to give every
    array back to the system and to take it again, page by page, took up to half as long as the
    work on it.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt:
        mallopt(_M_MMAP_THRESHOLD, _MMAP)
        mallopt(_M_TRIM_THRESHOLD, _TRIM)
