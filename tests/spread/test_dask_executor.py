"""Tasks on workers of a real Dask scheduler, which are killed, differ, or go away."""

from __future__ import annotations

import logging
import os
import shutil
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path

import pytest

import asr_prune
from asr_prune.errors import UserError
from asr_prune.spread.dask_executor import DaskExecutor, count_workers
from asr_prune.spread.options import ExecutorOptions
from asr_prune.spread.task import Task, TaskFailed
from tests.spread.conftest import Dask

JOBS = "spread_jobs"


@pytest.fixture(autouse=True)
def _project(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    monkeypatch.setattr("asr_prune.spread.dask_executor._ANSWER", 3)
    monkeypatch.syspath_prepend(str(Path(__file__).parent))


def task(job: str, name: str = "part", **arguments: object) -> Task:
    return Task(name, f"{JOBS}:{job}", arguments, Path("out") / name)


def writing(count: int) -> list[Task]:
    return [task("write", f"part {number}", text=f"part {number}") for number in range(count)]


@contextmanager
def executor(dask: Dask, wait: float = 60.0) -> Iterator[DaskExecutor]:
    with DaskExecutor(ExecutorOptions(type="dask", address=dask.address, wait=wait)) as own:
        yield own


def after(seconds: float, act: object) -> threading.Timer:
    timer = threading.Timer(seconds, act)  # type: ignore[arg-type]
    timer.start()
    return timer


def test_tasks_leave_their_outputs_and_messages(dask: Dask, caplog: pytest.LogCaptureFixture) -> None:
    # Dask's nannies set this, and so have workers give every array back to the system
    nannied = {"MALLOC_TRIM_THRESHOLD_": "65536"}
    dask.start_worker(**nannied)
    dask.start_worker(**nannied, OMP_NUM_THREADS="5")
    dask.wait()
    with caplog.at_level(logging.INFO), executor(dask) as workers:
        done = list(workers.run(writing(6)))
        assert sorted(own.name for own in done) == [f"part {number}" for number in range(6)]
        assert [own.output.read_text() for own in writing(6)] == [own.name for own in writing(6)]
        told = [text for text in caplog.messages if "writing" in text]
        assert sorted(text.partition(": ")[2] for text in told) == [f"writing part {number}" for number in range(6)]
        where = [task("compute", f"where {number}") for number in range(4)]
        assert {own.output.read_text() for own in workers.run(where)} == {f"1 {Path.cwd()}"}
        assert workers.nj == 2
        (pages,) = workers.run([task("allocate")])
        assert int(pages.output.read_text()) < 5000
        with pytest.raises(UserError, match="is not wanted; leave it out"):
            list(workers.run([task("refuse")]))
        with pytest.raises(TaskFailed, match="part: _Odd: 1 and 2"):
            list(workers.run([task("fail")]))
    assert not list(Path("out").glob(".*"))


def test_what_workers_are_doing_is_told(dask: Dask) -> None:
    dask.start_worker()
    told: list[list[str]] = []
    tasks = [task("linger", f"part {number}", seconds=1.2) for number in range(2)]
    with executor(dask) as workers:
        done = [own.name for own in workers.run(tasks, watch=lambda doing: told.append([own.name for own in doing]))]
    assert done == ["part 0", "part 1"]
    assert [names for names, _ in groupby(told) if names] == [["part 0"], ["part 1"]]
    assert min(told.count([name]) for name in done) > 1  # while they are being done


def test_a_killed_worker_loses_nothing(dask: Dask, caplog: pytest.LogCaptureFixture) -> None:
    dask.start_worker()
    dask.start_worker()
    tasks = [task("die_once", mark=Path("mark")), *writing(4)]
    with executor(dask) as workers:
        done = [own.name for own in workers.run(tasks)]
    assert sorted(done) == sorted(own.name for own in tasks)
    assert Path("out/part").read_text() == "survived"
    assert "ended during part, which begins again elsewhere" in caplog.text


def test_a_task_that_kills_three_workers_is_named(dask: Dask) -> None:
    for _ in range(4):
        dask.start_worker()
    with executor(dask) as workers:
        with pytest.raises(UserError, match=r"^deadly ended its worker 3 times.*--executor local"):
            list(workers.run([task("die", "deadly"), *writing(3)]))
        assert [own.name for own in workers.run(writing(1))] == ["part 0"]


def other_numpy(folder: Path) -> dict[str, str]:
    info = folder / "other/numpy-0.9.dist-info/METADATA"
    info.parent.mkdir(parents=True)
    info.write_text("Metadata-Version: 2.1\nName: numpy\nVersion: 0.9\n")
    return {"PYTHONPATH": os.pathsep.join([str(folder / "other"), str(Path(asr_prune.__file__).parents[1])])}


def other_package(folder: Path) -> dict[str, str]:
    shutil.copytree(Path(asr_prune.__file__).parent, folder / "old/asr_prune", symlinks=False)
    start = folder / "old/asr_prune/__init__.py"
    start.write_text(start.read_text().replace('__version__ = "', '__version__ = "0.0.'))
    return {"PYTHONPATH": str(folder / "old")}


DIFFERENT = {
    "has numpy 0.9, and this machine numpy": other_numpy,
    "has asr_prune 0.0.": other_package,
    "lets numpy use several threads": lambda _: {"OPENBLAS_NUM_THREADS": "2"},
}


@pytest.mark.parametrize("why", DIFFERENT)
def test_a_worker_that_differs_is_refused_by_name(
    dask: Dask, why: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    dask.start_worker(**DIFFERENT[why](tmp_path))
    dask.wait()
    with executor(dask, wait=1) as workers:
        with pytest.raises(UserError, match=rf"the worker tcp://127.0.0.1:\d+ {why}.*there is no other worker"):
            list(workers.run(writing(2)))
        dask.start_worker()
        dask.wait()
        assert len(list(workers.run(writing(2)))) == 2
        assert workers.nj == 1


def test_a_worker_that_does_not_see_the_folder_is_told_so(dask: Dask, monkeypatch: pytest.MonkeyPatch) -> None:
    dask.start_worker()
    dask.wait()
    monkeypatch.setattr("asr_prune.spread.dask_executor._project", lambda: "/somewhere/else")
    with (
        executor(dask, wait=1) as workers,
        pytest.raises(UserError, match="does not see /somewhere/else/out; let it share"),
    ):
        list(workers.run(writing(1)))


def test_a_scheduler_that_is_not_there_and_workers_that_do_not_come(dask: Dask) -> None:
    with executor(dask, wait=2) as workers, pytest.raises(UserError, match="has had no worker for 2 s; start workers"):
        list(workers.run(writing(1)))
    away = ExecutorOptions(type="dask", address="tcp://127.0.0.1:9")
    with (
        DaskExecutor(away) as workers,
        pytest.raises(UserError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:9 "),
    ):
        list(workers.run(writing(1)))


def test_workers_are_counted_where_the_scheduler_answers(dask: Dask) -> None:
    assert count_workers(dask.address) == 0
    for _ in range(2):
        dask.start_worker()
    dask.wait()
    assert count_workers(dask.address) == 2
    assert count_workers("tcp://127.0.0.1:9") is None


def test_a_scheduler_that_goes_away_is_reported_and_what_is_done_is_kept(dask: Dask) -> None:
    dask.start_worker()
    tasks = [*writing(1), task("linger", "long", seconds=30.0)]
    with executor(dask) as workers:
        results = workers.run(tasks)
        assert next(results).name == "part 0"
        after(0.5, dask.scheduler.kill)
        with pytest.raises(UserError, match="does not answer any more; start it and its workers again"):
            next(results)
    assert Path("out/part 0").read_text() == "part 0"


def test_workers_may_come_later(dask: Dask) -> None:
    after(1.5, dask.start_worker)
    with executor(dask) as workers:
        assert len(list(workers.run(writing(2)))) == 2


def test_a_worker_that_fits_may_come_after_one_that_does_not(
    dask: Dask, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    dask.start_worker(**other_numpy(tmp_path))
    dask.wait()

    def start_another(doing: Sequence[Task]) -> None:
        if "not used" in caplog.text and len(dask.workers) == 1:
            dask.start_worker()

    with caplog.at_level(logging.INFO), executor(dask, wait=240) as workers:
        assert len(list(workers.run(writing(2), watch=start_another))) == 2
    assert "executor: waiting for another worker, at most 240 s" in caplog.text
