"""The executor of other machines: the workers of a Dask scheduler (https://distributed.dask.org)."""

from __future__ import annotations

import logging
import os
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asr_prune.errors import UserError
from asr_prune.files import atomic
from asr_prune.spread.clusters import start_cluster
from asr_prune.spread.dispatch import Dispatch
from asr_prune.spread.executor import Executor
from asr_prune.spread.options import ExecutorOptions
from asr_prune.spread.remote import Mark
from asr_prune.spread.task import Task, Watcher, watch_nothing
from asr_prune.spread.workers import SchedulerGone, Workers

if TYPE_CHECKING:
    from distributed import Client

log = logging.getLogger(__name__)

#: seconds until the scheduler must have answered: if work waits for it, if its workers are counted
_ANSWER, _COUNTED = 20, 5
#: seconds until a file that another machine has written must be seen here: those that NFS
#: remembers a folder for, by default
_SEEN = 90.0


class DaskExecutor(Executor):
    """Connected, and the cluster of `options` started, at the first tasks."""

    def __init__(self, options: ExecutorOptions) -> None:
        self.options = options
        self._stack, self._address = ExitStack(), options.address
        self._workers: Workers | None = None

    @property
    def nj(self) -> int:  # type: ignore[override]
        return max(1, len(self._workers.hosts) if self._workers else 0)

    def do(self, tasks: Sequence[Task], watch: Watcher = watch_nothing) -> Iterator[Task]:
        workers = self._started()
        try:
            with _marked(tasks) as marks:
                dispatch = Dispatch(workers, _project(), self.options.wait)
                for task, host in dispatch.run(tasks, marks, watch):
                    _need_output(task, host)
                    yield task
        except SchedulerGone:
            raise UserError(
                f"the Dask scheduler at {self._address} does not answer any more; start it and its"
                " workers again, then run the same command: what is done is kept."
            ) from None
        finally:
            workers.drop()

    def _started(self) -> Workers:
        if self._workers is None:
            self._workers = Workers(self._stack.enter_context(self._connected()))
        return self._workers

    @contextmanager
    def _connected(self) -> Iterator[Client]:
        client_of = _library()
        with ExitStack() as stack:
            if self.options.cluster:
                cluster = stack.enter_context(start_cluster(self.options.cluster))
                self._address = str(cluster.scheduler_address)
            try:
                client = client_of(self._address, timeout=_ANSWER, set_as_default=False)
            except (OSError, TimeoutError, ValueError) as error:
                raise UserError(
                    f"no Dask scheduler answers at {self._address} ({_short(error)}); start one with"
                    " dask scheduler, and workers with dask worker ADDRESS --nthreads 1."
                ) from None
            try:
                log.info("  executor: Dask at %s", self._address)
                yield client
            finally:
                with suppress(Exception):
                    client.close(timeout=5)

    def stop(self) -> None:
        self._workers = None
        self._stack.close()


def _library() -> Callable[..., Any]:
    try:
        from distributed import Client
    except ImportError:
        raise UserError(
            "executor.type dask needs Dask, which is not installed; run pip install 'asr_prune[cluster]'."
        ) from None
    for name in ("distributed", "tornado", "asyncio"):  # what is wrong is told here, in a sentence
        logging.getLogger(name).setLevel(logging.CRITICAL)
    return Client


def count_workers(address: str) -> int | None:
    """How many workers a scheduler has; None if it does not answer within seconds.

    Raises UserError if Dask is not installed.
    """
    client_of = _library()
    try:
        with client_of(address, timeout=_COUNTED, set_as_default=False) as client:
            return len(client.nthreads())
    except (OSError, TimeoutError, ValueError):
        return None


def _short(error: BaseException) -> str:
    return str(error).partition("\n")[0][:200] or type(error).__name__


def _project() -> str:
    """The current folder by the name under which other machines are likely to know it."""
    named = os.environ.get("PWD", "")
    return named if named and Path(named).is_dir() and os.path.samefile(named, ".") else os.getcwd()


@contextmanager
def _marked(tasks: Sequence[Task]) -> Iterator[list[Mark]]:
    """A file in the folder of each output, by which workers see whether they share that folder."""
    marks: dict[Path, Mark] = {}
    text = uuid.uuid4().hex
    try:
        for folder in dict.fromkeys(task.output.parent for task in tasks):
            path = folder / f".shared-{text}"
            with atomic(path) as file:
                file.write(text)
            marks[folder] = Mark(str(Path(_project()) / path), text)
        yield [marks[task.output.parent] for task in tasks]
    finally:
        for mark in marks.values():
            with suppress(OSError):
                Path(mark.path).unlink()


def _need_output(task: Task, host: str) -> None:
    """Waits until an output that was written elsewhere is seen here. Raises UserError if it is not."""
    until = time.monotonic() + _SEEN
    while not task.output.is_file():
        if time.monotonic() > until:
            raise UserError(
                f"{task.output}, which {host} has written, is not seen here; let the workers and this"
                " machine share the folder of the project."
            )
        with suppress(OSError):
            os.listdir(task.output.parent)  # lets NFS look again
        time.sleep(0.1)
