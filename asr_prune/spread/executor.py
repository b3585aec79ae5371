"""Executors: what does the tasks of a stage. One is chosen for a whole command.

A stage says

    with executor(nj) as workers:
        for task in workers.run(tasks):
            ...

and does not know where its tasks are done.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from operator import attrgetter

from asr_prune.errors import UserError
from asr_prune.spread.processes import Processes
from asr_prune.spread.task import Task, Watcher, attempt, begin_tasks, watch_nothing


class Executor(ABC):
    """Does tasks, several at a time, between the beginning and the end of a `with` block.

    nj: how many at a time.
    """

    nj: int

    def run(self, tasks: Iterable[Task], resume: bool = False, watch: Watcher = watch_nothing) -> Iterator[Task]:
        """Does all tasks and yields each when it is done, in the order of completion.

        resume: whether tasks whose output is there already count as done; watch: is called when
        other tasks are being done than before, and with other machines twice a second. Messages of
        tasks are logged here. Raises UserError for the first task that raises one, or that cannot be done
        because its workers die; tasks that are done keep their outputs.
        """
        waiting = []
        for task in tasks:
            if resume and task.output.is_file():
                yield task
            else:
                waiting.append(task)
        if waiting:
            yield from self.do(waiting, watch)

    @abstractmethod
    def do(self, tasks: Sequence[Task], watch: Watcher = watch_nothing) -> Iterator[Task]:
        """As `run`, of tasks that are all to do."""

    def __enter__(self) -> Executor:
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    @abstractmethod
    def stop(self) -> None:
        """Ends what it has started; tasks start it again."""


class LocalExecutor(Executor):
    """Processes of this machine, started at the first tasks and kept for the next ones.

    With one process, tasks are done in this one, with its threads; each of several has one thread.
    """

    def __init__(self, nj: int) -> None:
        self.nj, self._processes = nj, Processes(begin_tasks)

    def do(self, tasks: Sequence[Task], watch: Watcher = watch_nothing) -> Iterator[Task]:
        size = min(self.nj, len(tasks))
        if size == 1:
            for task in tasks:
                watch([task])
                task.do()
                yield task
            return
        for number, report in self._processes.run(attempt, tasks, size, attrgetter("name"), watch):
            report.receive(tasks[number])
            yield tasks[number]

    def stop(self) -> None:
        self._processes.stop()


_chosen: Executor | None = None


@contextmanager
def chosen(by: Executor) -> Iterator[None]:
    """Within the block `executor` gives `by`, which is stopped at its end."""
    global _chosen
    before, _chosen = _chosen, by
    try:
        with by:
            yield
    finally:
        _chosen = before


@contextmanager
def executor(nj: int) -> Iterator[Executor]:
    """What the command has chosen, or else `nj` processes of this machine, for this block."""
    if _chosen is not None:
        yield _chosen
    else:
        with LocalExecutor(nj) as own:
            yield own


def elsewhere() -> Executor | None:
    """The executor that the command has chosen; None if its work is done on this machine."""
    return _chosen


def unseen_audio(reason: str) -> UserError:
    """Of audio that a worker could not use, for the `reason` that it gave, and that this machine can."""
    return UserError(
        f"{reason.rstrip('.')}, said a worker, but this machine can use that audio; let the workers"
        " see the corpus under the same path, then run the same command again."
    )
