"""What a process has one of: its environment, torch's thread count, and its pools of workers."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from multiprocessing import resource_tracker
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from asr_prune.errors import UserError

if TYPE_CHECKING:
    from multiprocessing.pool import IMapIterator, Pool
    from multiprocessing.process import BaseProcess

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

#: read by the numeric libraries when they are loaded
ENVIRONMENT = {
    # the order of numpy's sums depends on the threads, so labels would depend on the number of
    # cores
    "OPENBLAS_NUM_THREADS": "1",
    # torch's waiting threads sleep: spinning, they would take the cores from other work
    "OMP_WAIT_POLICY": "PASSIVE",
}
_FOR_CPU = "uv pip install --torch-backend cpu --reinstall-package torchaudio 'torchaudio==2.11.*'"
_FOR_CUDA = "pip install 'torch>=2.11,<2.15' 'torchaudio==2.11.*'"
_INTERRUPTS = (signal.SIGINT, signal.SIGTERM)


def settle() -> None:
    """Sets ENVIRONMENT, except for variables that are set already.

    Must be called before numpy and torch are imported. Only the command line calls it: importing
    the package changes nothing.
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


class WorkerPool:
    """The workers of `worker_pool`; results come in the order of the items.

    Raises UserError if a worker ends, for instance because the system has killed it.
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

    def starmap(
        self,
        function: Callable[..., _Result],
        items: Sequence[tuple[Any, ...]],
    ) -> Iterator[_Result]:
        """Yields `function(*item)` of all items."""
        return self.map(partial(_call, function), items)

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
                raise UserError(
                    f"a worker process ended with status {worker.exitcode}, perhaps for lack of "
                    "memory; run the same command with fewer processes (--nj)."
                )


@contextmanager
def worker_pool(
    processes: int,
    start: Literal["fork", "spawn"],
    begin: Callable[..., object] | None = None,
    arguments: tuple[Any, ...] = (),
) -> Iterator[WorkerPool]:
    """A pool whose workers ignore Ctrl-C and end on SIGTERM: cleaning up is left to this process.

    start: `fork` shares this process's memory; `spawn` starts fresh interpreters, which is safe
    beside threads. Each worker calls `begin(*arguments)` first. The pool is terminated at the end
    of the block.
    """
    if start == "spawn":
        resource_tracker.ensure_running()  # starting it later would unblock the signals
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _INTERRUPTS)
    others = set(multiprocessing.active_children())
    try:
        pool = multiprocessing.get_context(start).Pool(processes, _begin_worker, (begin, arguments))
        with pool:
            workers = [child for child in multiprocessing.active_children() if child not in others]
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            yield WorkerPool(pool, workers)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin_worker(begin: Callable[..., object] | None, arguments: tuple[Any, ...]) -> None:
    """Workers start with both signals blocked, so that none arrives before this."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _INTERRUPTS)
    if begin is not None:
        begin(*arguments)


def _map_chunk(function: Callable[[_Item], _Result], items: Sequence[_Item]) -> list[_Result]:
    return [function(item) for item in items]


def _call(function: Callable[..., _Result], arguments: tuple[Any, ...]) -> _Result:
    return function(*arguments)
