"""A Dask scheduler and its workers, processes of this machine."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

JOBS = Path(__file__).parent
PACKAGE = Path(__file__).resolve().parents[2]


class Dask:
    """address: of the scheduler; workers: processes without a nanny, as `start_worker` made them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.workers = folder, list[subprocess.Popen[bytes]]()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
        self.start_scheduler()

    def start_scheduler(self) -> None:
        port = self.address.rpartition(":")[2]
        self.scheduler = self._run("scheduler", "--host", "127.0.0.1", "--port", port, "--no-dashboard")
        until = time.monotonic() + 60
        while time.monotonic() < until:
            with socket.socket() as probe:
                if not probe.connect_ex(("127.0.0.1", int(port))):
                    return
            time.sleep(0.05)
        raise AssertionError(f"the scheduler does not start; see {self.folder}")

    def start_worker(self, **environment: str) -> subprocess.Popen[bytes]:
        """One more worker, which dies for good if it is killed."""
        own = ["--nthreads", "1", "--no-nanny", "--no-dashboard", "--host", "127.0.0.1"]
        self.workers.append(self._run("worker", self.address, *own, **environment))
        return self.workers[-1]

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


@pytest.fixture
def dask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dask]:
    """A scheduler without workers."""
    pytest.importorskip("distributed", reason="needs the extra cluster")
    own = Dask(tmp_path_factory.mktemp("dask"))
    yield own
    own.stop()
