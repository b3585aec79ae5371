"""Executors: what does the tasks of a stage. One is chosen for a whole command.

A stage says

    with executor(nj) as workers:
        for task in workers.run(tasks):
            ...

and does not know where its tasks are done.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

from asr_prune.errors import UserError
from asr_prune.process import WorkerEnded, WorkerPool, start_method, worker_pool
from asr_prune.spread.task import Report, Task, Watcher, attempt, begin_tasks, watch_nothing

log = logging.getLogger(__name__)

_ENDED = "a worker process ended with status %s, perhaps for lack of memory%s"
_DEADLY = (
    "{} ended the process that did it, and two had ended before, perhaps for lack of memory; run the same "
    "command with --nj 1, or on a machine with more memory: what is done is kept."
)


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
    If one of several ends, what is left is done by fewer, after the second time by one: the task
    that ends this one too is named.
    """

    def __init__(self, nj: int) -> None:
        self.nj, self._size = nj, 0
        self._stack = ExitStack()
        self._pool: WorkerPool | None = None

    def do(self, tasks: Sequence[Task], watch: Watcher = watch_nothing) -> Iterator[Task]:
        size = min(self.nj, len(tasks))
        if size == 1:
            for task in tasks:
                watch([task])
                task.do()
                yield task
            return
        left = dict(enumerate(tasks))
        for most in (size, max(1, size // 2), 1):
            try:
                watch([*left.values()][:most])  # they begin in their order
                for number, report in self._started(most).unordered(_numbered, list(left.items())):
                    report.receive(tasks[number])
                    del left[number]
                    yield tasks[number]
                    watch([*left.values()][:most])
                return
            except WorkerEnded as ended:
                self.stop()
                log.warning(_ENDED, ended.status, "" if most == 1 else "; what it was doing begins again")
        raise UserError(_DEADLY.format(tasks[min(left)].name))

    def _started(self, size: int) -> WorkerPool:
        if self._pool is None or self._size < size:
            self.stop()
            pool = worker_pool(size, start_method(), begin_tasks)
            self._pool, self._size = self._stack.enter_context(pool), size
        return self._pool

    def stop(self) -> None:
        self._pool = None
        self._stack.close()


def _numbered(item: tuple[int, Task]) -> tuple[int, Report]:
    number, task = item
    return number, attempt(task)


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
