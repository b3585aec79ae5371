"""Two commands that share the workers of a scheduler, which nannies start again."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from asr_prune.spread.dask_executor import DaskExecutor
from asr_prune.spread.options import ExecutorOptions
from asr_prune.spread.task import Task
from asr_prune.spread.workers import Workers
from tests.spread.conftest import Dask

JOBS = "spread_jobs"


@pytest.fixture(autouse=True)
def _project(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    monkeypatch.syspath_prepend(str(Path(__file__).parent))


def run(dask: Dask, job: str, name: str, **arguments: object) -> None:
    """A command with one task."""
    with DaskExecutor(ExecutorOptions(type="dask", address=dask.address, wait=60)) as own:
        assert len(list(own.run([Task(name, f"{JOBS}:{job}", arguments, Path("out") / name)]))) == 1


@contextmanager
def meanwhile(act: Callable[[], None]) -> Iterator[threading.Thread]:
    thread = threading.Thread(target=act)
    thread.start()
    yield thread
    thread.join()


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 120
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


def processing(dask: Dask, kind: str = "") -> int:
    """Tasks that workers have, the names of which begin so."""
    with dask.client() as client:
        return sum(str(key).startswith(kind) for keys in client.processing().values() for key in keys)


def test_a_command_that_ends_leaves_the_task_of_another_one(dask: Dask, caplog: pytest.LogCaptureFixture) -> None:
    dask.start_worker(nanny=True)
    dask.start_worker(nanny=True)
    dask.wait()
    with meanwhile(lambda: run(dask, "await_mark", "long", mark=Path("mark"))):
        until(lambda: processing(dask, "perform-") == 1)
        run(dask, "write", "short", text="short")  # greets the worker of the other one, too
        assert not Path("out/long").exists()
        Path("mark").touch()
    assert Path("out/long").read_text() == "at last"
    assert [text for text in caplog.messages if "ended" in text] == []


def test_a_worker_begins_anew_only_if_no_other_command_has_a_task_there(dask: Dask, tmp_path: Path) -> None:
    from spread_jobs import await_mark

    dask.start_worker(nanny=True)
    dask.wait()
    with ExitStack() as stack:
        one, two = (Workers(stack.enter_context(dask.client())) for _ in range(2))
        ((at, process),) = one.client.run(os.getpid).items()
        one.give(at, 0, await_mark, tmp_path / "mark", tmp_path / "out")
        until(lambda: processing(dask) == 1)
        two.give(at, 1, os.getpid)
        until(lambda: processing(dask) == 2)
        two.drop()
        until(lambda: processing(dask) == 1)
        two.give(at, 1, os.getpid)
        until(lambda: processing(dask) == 2)
        one.drop()
        (tmp_path / "mark").touch()
        until(lambda: two.events.qsize() == 2)  # the first one was cancelled
        two.next()
        assert two.next() == (at, 1, process)
        one.give(at, 0, await_mark, tmp_path / "none", tmp_path / "out")
        until(lambda: processing(dask) == 1)
        assert [*two.look()] == []  # greets it
        until(lambda: processing(dask) == 2)
        one.drop()
        assert process not in one.client.run(os.getpid).values()
