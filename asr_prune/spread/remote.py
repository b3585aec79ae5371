"""What runs in a worker on another machine."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path

from asr_prune.spread.identity import identity, single_threaded
from asr_prune.spread.task import Report, Task, attempt, begin_tasks


@dataclass(frozen=True)
class Greeting:
    """What a worker says of itself: its host, versions, and whether numpy has one thread there."""

    host: str
    versions: dict[str, str]
    one_thread: bool


def greet() -> Greeting:
    """The greeting of this process."""
    return Greeting(platform.node(), identity(), single_threaded())


@dataclass(frozen=True)
class Mark:
    """A file by which a worker sees whether a folder is the same there. path: absolute."""

    path: str
    text: str

    def is_seen(self) -> bool:
        try:
            return Path(self.path).read_text(encoding="utf-8") == self.text
        except OSError:
            return False


def perform(task: Task, project: str, mark: Mark) -> Report | None:
    """Does a task in the folder of the project; None if this machine does not see `mark`."""
    if not mark.is_seen() or not Path(project).is_dir():
        return None
    begin_tasks()
    os.chdir(project)
    return attempt(task)
