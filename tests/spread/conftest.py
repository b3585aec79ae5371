"""A Dask scheduler and its workers, processes of this machine."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from distributed import Client

JOBS = Path(__file__).parent
#: seconds in which a scheduler or a worker must have started, also on a busy machine
_LONG = 240
PACKAGE = Path(__file__).resolve().parents[2]


class Dask:
    """address: of the scheduler; workers: processes as `start_worker` made them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.workers = folder, list[subprocess.Popen[bytes]]()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
        self.start_scheduler()

    def start_scheduler(self) -> None:
        port = self.address.rpartition(":")[2]
        self.scheduler = self._run("scheduler", "--host", "127.0.0.1", "--port", port, "--no-dashboard")
        until = time.monotonic() + _LONG
        while time.monotonic() < until:
            with socket.socket() as probe:
                if not probe.connect_ex(("127.0.0.1", int(port))):
                    return
            time.sleep(0.05)
        raise AssertionError(f"the scheduler does not start; see {self.folder}")

    def start_worker(self, nanny: bool = False, **environment: str) -> subprocess.Popen[bytes]:
        """One more worker, which dies for good if it is killed; or a nanny, which starts it anew."""
        watched = "--nanny" if nanny else "--no-nanny"
        own = ["--nthreads", "1", watched, "--no-dashboard", "--host", "127.0.0.1"]
        self.workers.append(self._run("worker", self.address, *own, **environment))
        return self.workers[-1]

    def wait(self) -> None:
        """Until the scheduler knows all workers that were started."""
        with self.client() as client:
            client.wait_for_workers(len(self.workers), timeout=_LONG)

    @contextmanager
    def killing(self, worker: subprocess.Popen[bytes], ready: Callable[[], bool]) -> Iterator[None]:
        """Kills a worker once it has a task and it is `ready`. Stopped first, it cannot finish its task;
        it goes on where it turns out to have none.
        """
        self.wait()
        with self.client() as client, ThreadPoolExecutor(1) as pool:
            (address,) = (own for own, pid in client.run(os.getpid).items() if pid == worker.pid)
            over = threading.Event()
            killed = pool.submit(_kill_at_work, worker, lambda: ready() and _works(client, address), over)
            try:
                yield
            finally:
                over.set()
            assert killed.result(), "the work was over before the worker could be killed at it"

    def client(self) -> Client:
        from distributed import Client

        return Client(self.address, set_as_default=False)

    def _run(self, kind: str, *words: str, **environment: str) -> subprocess.Popen[bytes]:
        paths = [str(PACKAGE), str(JOBS)]
        settings = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(paths)}
        command = [sys.executable, "-P", "-m", "distributed.cli.dask_" + kind, *words]
        folder = self.folder / f"{kind}{len(self.workers)}"
        folder.mkdir(exist_ok=True)
        with (folder / "log").open("ab") as log:
            return subprocess.Popen(
                command, env=os.environ | settings | environment, cwd=folder, stdout=log, stderr=log
            )

    def stop(self) -> None:
        for process in [*self.workers, self.scheduler]:
            process.send_signal(signal.SIGKILL)
            process.wait()


def _works(client: Client, address: str) -> bool:
    """Whether a worker has a task of a stage."""
    return any(key.startswith("perform-") for key in client.processing()[address])


def _kill_at_work(worker: subprocess.Popen[bytes], at_work: Callable[[], bool], over: threading.Event) -> bool:
    while not over.wait(0.02):
        worker.send_signal(signal.SIGSTOP)
        time.sleep(0.2)  # in which the scheduler takes what the worker has sent
        if at_work():
            worker.kill()
            return True
        worker.send_signal(signal.SIGCONT)
    return False


@pytest.fixture
def dask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dask]:
    """A scheduler without workers."""
    pytest.importorskip("distributed", reason="needs the extra cluster")
    own = Dask(tmp_path_factory.mktemp("dask"))
    yield own
    own.stop()
