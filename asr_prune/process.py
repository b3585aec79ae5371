"""What a process has one of: its environment, torch's thread count, and its pools of workers."""

from __future__ import annotations

import multiprocessing
import multiprocessing.pool
import os
import select
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from asr_prune.errors import UserError

if TYPE_CHECKING:
    from multiprocessing.pool import IMapIterator, Pool
    from multiprocessing.process import BaseProcess

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

#: read by the numeric libraries when they are loaded
ENVIRONMENT = {
    # the order of numpy's sums depends on the threads, so labels would depend on the cores
    "OPENBLAS_NUM_THREADS": "1",
    # torch's waiting threads soon sleep: spinning, they would take the cores from other work;
    # libgomp spins a thousand times, which costs an idle machine little, and heeds this one first
    "OMP_WAIT_POLICY": "PASSIVE",
    "GOMP_SPINCOUNT": "1000",
}
_FOR_CPU = "uv pip install --torch-backend cpu --reinstall-package torchaudio 'torchaudio==2.11.0'"
_FOR_CUDA = "pip install 'torch>=2.11,<2.15' 'torchaudio==2.11.0'"
_INTERRUPTS = (signal.SIGINT, signal.SIGTERM)

StartMethod = Literal["fork", "spawn"]


def settle() -> None:
    """Sets ENVIRONMENT, except for variables that are set already, before numpy and torch are
    imported. Only the command line calls it: importing the package changes nothing.
    """
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Sets torch's thread count within the block; 0 leaves it as it is."""
    import torch

    if not count:
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def torchaudio_imports(purpose: str) -> Iterator[None]:
    """Raises UserError if an import of torchaudio within the block fails.

    The wheel of the package index is built for CUDA 13.0. It cannot be loaded beside a CPU build of
    torch, and refuses another CUDA version.
    """
    try:
        yield
    except (ImportError, OSError, RuntimeError) as error:
        import torch

        remedy = _FOR_CUDA if torch.version.cuda else _FOR_CPU
        reason = str(error.__cause__ or error).partition("\n")[0].rstrip(".")
        raise UserError(
            f"{purpose} needs torchaudio, which cannot be loaded beside torch {torch.__version__} "
            f"({reason}); run {remedy}."
        ) from error


class WorkerEnded(Exception):
    """A worker has ended before its work, with the status that is given, -9 if it was killed."""


class WorkerPool:
    """The workers of `worker_pool`; results come in the order of the items.

    Raises WorkerEnded if a worker ends.
    """

    def __init__(self, pool: Pool, workers: Sequence[BaseProcess]) -> None:
        self._pool, self._workers = pool, workers

    def map(
        self,
        function: Callable[[_Item], _Result],
        items: Sequence[_Item],
        chunk: int = 1,
    ) -> Iterator[_Result]:
        """Yields `function(item)` of all items, which are sent to the workers `chunk` at a time."""
        chunks = [items[i : i + chunk] for i in range(0, len(items), chunk)]
        return self._results(self._pool.imap(partial(_map_chunk, function), chunks))

    def starmap(self, function: Callable[..., _Result], items: Sequence[tuple[Any, ...]]) -> Iterator[_Result]:
        """Yields `function(*item)` of all items."""
        return self.map(partial(_call, function), items)

    def unordered(self, function: Callable[[_Item], _Result], items: Sequence[_Item]) -> Iterator[_Result]:
        """Yields `function(item)` of all items, in the order in which they are done."""
        chunks = [[item] for item in items]
        return self._results(self._pool.imap_unordered(partial(_map_chunk, function), chunks))

    def _results(self, chunks: IMapIterator[list[_Result]]) -> Iterator[_Result]:
        while True:
            try:
                yield from chunks.next(timeout=1)
            except StopIteration:
                return
            except multiprocessing.TimeoutError:
                self._check()

    def _check(self) -> None:
        """A pool replaces a dead worker and waits for its results forever."""
        for worker in self._workers:
            if worker.exitcode is not None:
                self._abandon()
                raise WorkerEnded(worker.exitcode)

    def _abandon(self) -> None:
        """Ends all workers, and releases what a dead one may hold: the end of the pool, which takes
        tasks back, would wait for it forever.
        """
        pool: Any = self._pool
        pool._worker_handler._state = multiprocessing.pool.TERMINATE  # starts no more workers
        pool._change_notifier.put(None)
        pool._worker_handler.join()
        for worker in pool._pool:
            worker.kill()
            worker.join()
        if writing := pool._outqueue._wlock:
            writing.acquire(timeout=1)  # a thread of this process may have it, but not for long
        for lock in filter(None, (pool._inqueue._rlock, writing)):
            with suppress(ValueError):  # it is free
                lock.release()
        with open(os.devnull, "wb") as nowhere:  # the pipe of results ends, maybe in the midst of one
            os.dup2(nowhere.fileno(), pool._outqueue._writer.fileno())
        pool._cache.clear()
        _end_task_handler(pool)


def _end_task_handler(pool: Any) -> None:
    """Empties the pipe of tasks without unpickling: a dead worker may have read half of one."""
    pool._task_handler._state = multiprocessing.pool.TERMINATE
    pool._taskqueue.put(None)
    pipe = pool._inqueue._reader.fileno()
    while sys.platform != "win32" and pool._task_handler.is_alive():
        if select.select([pipe], [], [], 0.05)[0]:
            os.read(pipe, 1 << 16)


def start_method() -> StartMethod:
    """How workers that share much with this process start.

    `fork` where that is safe: on Linux, while this process has no other thread. OpenMP's threads
    count. Elsewhere `spawn`, whose workers load what they need.
    """
    return "fork" if sys.platform == "linux" and _threads() == 1 else "spawn"


def _threads() -> int:
    """Threads of this process, native ones included (Linux)."""
    return len(os.listdir("/proc/self/task"))


@contextmanager
def worker_pool(
    processes: int,
    start: StartMethod,
    begin: Callable[..., object] | None = None,
    arguments: tuple[Any, ...] = (),
) -> Iterator[WorkerPool]:
    """A pool whose workers ignore Ctrl-C and end on SIGTERM: cleaning up is left to this process.

    start: `fork` shares this process's memory; `spawn` starts fresh interpreters, which is safe
    beside threads, and pickles all functions, arguments and items. Each worker calls
    `begin(*arguments)` first. The pool is terminated at the end of the block. `spawn` does not
    import the main script again, so a script needs no `if __name__ == "__main__"`; functions that
    are defined there cannot be used.
    """
    others = set(multiprocessing.active_children())
    with _blocked_signals(start) as unblock:
        with hidden_main() if start == "spawn" else nullcontext():
            pool = multiprocessing.get_context(start).Pool(processes, _begin_worker, (begin, arguments))
        with pool:
            workers = [child for child in multiprocessing.active_children() if child not in others]
            unblock()
            yield WorkerPool(pool, workers)


@contextmanager
def _blocked_signals(start: StartMethod) -> Iterator[Callable[[], object]]:
    """Blocks _INTERRUPTS until the function that it yields is called; Windows cannot."""
    if sys.platform == "win32":
        yield lambda: None
        return
    if start == "spawn":
        from multiprocessing import resource_tracker

        resource_tracker.ensure_running()  # starting it later would unblock the signals
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _INTERRUPTS)
    unblock = partial(signal.pthread_sigmask, signal.SIG_SETMASK, before)
    try:
        yield unblock
    finally:
        unblock()


@contextmanager
def hidden_main() -> Iterator[None]:
    """Keeps processes that are spawned within the block from importing the main script again."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def _begin_worker(begin: Callable[..., object] | None, arguments: tuple[Any, ...]) -> None:
    """Workers start with both signals blocked, so that none arrives before this."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if sys.platform != "win32":
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _INTERRUPTS)
    if begin is not None:
        begin(*arguments)


def _map_chunk(function: Callable[[_Item], _Result], items: Sequence[_Item]) -> list[_Result]:
    return [function(item) for item in items]


def _call(function: Callable[..., _Result], arguments: tuple[Any, ...]) -> _Result:
    return function(*arguments)
