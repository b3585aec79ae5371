"""What a process has one of: its environment, torch's thread count, and its pools of workers."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from multiprocessing.pool import Pool

#: read by the numeric libraries when they are loaded
ENVIRONMENT = {
    # the order of numpy's sums depends on the threads, so labels would depend on the number of
    # cores
    "OPENBLAS_NUM_THREADS": "1",
    # torch's waiting threads sleep: spinning, they would take the cores from other work
    "OMP_WAIT_POLICY": "PASSIVE",
}
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
def worker_pool(
    processes: int,
    start: Literal["fork", "spawn"],
    begin: Callable[..., object] | None = None,
    arguments: tuple[Any, ...] = (),
) -> Iterator[Pool]:
    """A pool whose workers ignore Ctrl-C and end on SIGTERM: cleaning up is left to this process.

    start: `fork` shares this process's memory; `spawn` starts fresh interpreters, which is safe
    beside threads. Each worker calls `begin(*arguments)` first. The pool is terminated at the end
    of the block.
    """
    if start == "spawn":
        resource_tracker.ensure_running()  # starting it later would unblock the signals
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _INTERRUPTS)
    try:
        pool = multiprocessing.get_context(start).Pool(processes, _begin_worker, (begin, arguments))
        with pool:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            yield pool
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin_worker(begin: Callable[..., object] | None, arguments: tuple[Any, ...]) -> None:
    """Workers start with both signals blocked, so that none arrives before this."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _INTERRUPTS)
    if begin is not None:
        begin(*arguments)
