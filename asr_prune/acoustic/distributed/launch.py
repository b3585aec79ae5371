"""Training in several processes: started here, or by torchrun or srun around the whole command."""

from __future__ import annotations

import logging
import multiprocessing
import os
import pickle
import signal
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from asr_prune.acoustic.distributed.processes import PeerLost, from_first, is_alone, is_first, joined_processes
from asr_prune.acoustic.distributed.relay import Receiver, receiver, send_logs, send_none
from asr_prune.errors import UserError
from asr_prune.process import hidden_main

_T = TypeVar("_T")

log = logging.getLogger(__name__)

#: how often the processes are started again after one was killed
RESTARTS = 3
#: seconds in which the process that failed says why, before the others fail for its absence
_GRACE = 2.0
_LIBRARIES = ("torch.distributed.elastic", "torch.multiprocessing", "torchelastic-events-null")
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)


def in_processes(count: int, function: Callable[..., _T], arguments: tuple[Any, ...]) -> _T:
    """`function(*arguments)` of the first of `count` processes that call it together.

    They are started here, unless torchrun or srun has started this command several times: then
    those take part, whatever `count` is. If one is killed, all are started again, at most RESTARTS
    times. Raises what `function` does, UserError if processes keep being killed.
    """
    if not is_alone():
        from_first((function, arguments))
        return function(*arguments)
    return _started(count, function, arguments) if count > 1 else function(*arguments)


def _started(count: int, function: Callable[..., _T], arguments: tuple[Any, ...]) -> _T:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        for guard in (hidden_main(), _children(), _own_signals(), _quiet()):
            stack.enter_context(guard)
        config = LaunchConfig(
            min_nodes=1,
            max_nodes=1,
            nproc_per_node=count,
            run_id=folder.name,
            rdzv_backend="c10d",
            rdzv_endpoint="localhost:0",
            local_addr="localhost",
            max_restarts=RESTARTS,
            logs_specs=DefaultLogsSpecs(log_dir=str(folder)),
        )
        work = function, arguments, folder / "failure", stack.enter_context(receiver())
        results = _supervised(lambda: elastic_launch(config, _work)(*work))
        if work[2].is_file():
            raise pickle.loads(work[2].read_bytes())
        return results[0]


def _supervised(launch: Callable[[], dict[int, Any]]) -> dict[int, Any]:
    try:
        return launch()
    except SignalException as error:
        raise KeyboardInterrupt from error
    except ChildFailedError as error:
        rank, failure = error.get_first_failure()
        raise UserError(
            f"training process {rank} ended with status {failure.exitcode}, and did so after each of "
            f"{RESTARTS} new starts, perhaps for lack of memory; lower train.processes. "
            "The last checkpoint is kept."
        ) from error


def _work(function: Callable[..., _T], arguments: tuple[Any, ...], failure: Path, logs: Receiver) -> _T | None:
    """One process. What it raises goes to the file `failure`, after which none is started again;
    only a process that was killed leaves none.
    """
    if failure.is_file():
        return None
    try:
        with joined_processes():
            if is_first():
                send_logs(logs)
                _say_restart()
            else:
                send_none()
            return function(*arguments)
    except PeerLost:
        time.sleep(_GRACE)
        if failure.is_file():
            return None
        raise
    except Exception as error:
        _write(error, failure)
        return None


def _say_restart() -> None:
    if count := int(os.environ["TORCHELASTIC_RESTART_COUNT"]):
        text = "a training process was killed; all were started again (%d of %d) and go on from the last checkpoint"
        log.warning(text, count, RESTARTS)


def _write(error: Exception, path: Path) -> None:
    try:
        content = pickle.dumps(error)
        pickle.loads(content)
    except Exception:
        content = pickle.dumps(RuntimeError("".join(traceback.format_exception(error))))
    own = path.with_name(f"{path.name}.{os.getpid()}")
    own.write_bytes(content)
    own.replace(path)


@contextmanager
def _own_signals() -> Iterator[None]:
    """Restores the handlers of signals, which the library replaces, at the end of the block."""
    main = threading.current_thread() is threading.main_thread()
    before = {number: signal.getsignal(number) for number in _SIGNALS if main}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _children() -> Iterator[None]:
    """Lets this process start others within the block, even if it is a daemon, as a worker of Dask's
    nanny is. Daemons may have none since those could outlive them; torch's end with their parent.
    """
    own = multiprocessing.current_process()
    before, own.daemon = own.daemon, False
    try:
        yield
    finally:
        own.daemon = before


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps what torch logs of processes from the terminal: this module tells of them."""
    libraries, nowhere = [logging.getLogger(name) for name in _LIBRARIES], logging.NullHandler()
    before = [library.propagate for library in libraries]
    for library in libraries:
        library.propagate = False
        library.addHandler(nowhere)
    try:
        yield
    finally:
        for library, propagates in zip(libraries, before, strict=True):
            library.propagate = propagates
            library.removeHandler(nowhere)
