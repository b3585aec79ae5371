"""Tasks in processes of this machine: what they leave, tell and raise."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from asr_prune.errors import UserError
from asr_prune.spread.executor import LocalExecutor, chosen, elsewhere, executor
from asr_prune.spread.task import Task, TaskFailed

JOBS = "spread_jobs"


@pytest.fixture(autouse=True)
def _jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parent))


def writing(folder: Path, count: int) -> list[Task]:
    names = [f"part {number}" for number in range(count)]
    return [Task(name, f"{JOBS}:write", {"text": name}, folder / name) for name in names]


@pytest.mark.parametrize("nj", [1, 2])
def test_tasks_leave_their_outputs_and_messages(tmp_path: Path, nj: int, caplog: pytest.LogCaptureFixture) -> None:
    tasks, told = writing(tmp_path, 5), list[list[Task]]()
    with caplog.at_level(logging.INFO), executor(nj) as workers:
        done = list(workers.run(tasks, watch=lambda doing: told.append([*doing])))
    assert told[0] == tasks[:nj]
    assert max(map(len, told)) == nj
    assert all(any(task in doing for doing in told) for task in tasks)
    assert sorted(task.name for task in done) == [task.name for task in tasks]
    assert [task.output.read_text() for task in tasks] == [task.name for task in tasks]
    assert sorted(caplog.messages) == [f"writing part {number}" for number in range(5)]


def test_what_is_done_is_not_done_again_where_that_is_wanted(tmp_path: Path) -> None:
    tasks = writing(tmp_path, 3)
    tasks[1].output.write_text("before")
    with executor(2) as workers:
        assert next(workers.run(tasks, resume=True)).name == "part 1"
        assert tasks[1].output.read_text() == "before"
        list(workers.run(tasks))
    assert tasks[1].output.read_text() == "part 1"


def test_processes_are_kept_and_have_one_thread(tmp_path: Path) -> None:
    told = []
    with executor(2) as workers:
        for turn in range(2):
            tasks = [Task(f"{turn}", f"{JOBS}:tell_process", {}, tmp_path / f"{turn}.{number}") for number in range(8)]
            told.append({tuple(task.output.read_text().split()) for task in workers.run(tasks)})
    processes = {process for process, _, _ in told[0] | told[1]}
    assert len(processes) <= 2
    assert str(os.getpid()) not in processes
    assert {threads for _, threads, _ in told[0]} == {"1"}


@pytest.mark.parametrize("nj", [1, 2])
def test_faults_come_back(tmp_path: Path, nj: int) -> None:
    both = writing(tmp_path, 1)
    with executor(nj) as workers, pytest.raises(UserError, match="is not wanted; leave it out"):
        list(workers.run([*both, Task("bad", f"{JOBS}:refuse", {}, tmp_path / "bad")]))
    odd = [*both, Task("odd", f"{JOBS}:fail", {}, tmp_path / "odd")]
    with executor(nj) as workers, pytest.raises(Exception, match="1 and 2") as raised:
        list(workers.run(odd))
    if nj > 1:
        assert isinstance(raised.value, TaskFailed)
        assert "spread_jobs.py" in raised.value.__notes__[0]


def test_a_killed_process_loses_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    once = Task("once", f"{JOBS}:die_once", {"mark": tmp_path / "mark"}, tmp_path / "out")
    tasks = [*writing(tmp_path, 3), once]
    with executor(2) as workers:
        done = [task.name for task in workers.run(tasks)]
    assert sorted(done) == sorted(task.name for task in tasks)
    assert all(task.output.is_file() for task in tasks)
    assert "a worker process ended with status -9" in caplog.text
    assert "what it was doing begins again" in caplog.text


@pytest.mark.parametrize("nj", [2, 5])
def test_a_task_that_ends_three_processes_is_named(tmp_path: Path, nj: int) -> None:
    deadly = Task("the deadly part", f"{JOBS}:die", {}, tmp_path / "never")
    tasks = [*writing(tmp_path, 2), deadly, *writing(tmp_path / "more", 3)]
    (tmp_path / "more").mkdir()
    with executor(nj) as workers, pytest.raises(UserError, match=r"^the deadly part ended the process.*--nj 1"):
        list(workers.run(tasks))
    assert not list(tmp_path.glob(".*.partial"))


def test_the_command_chooses(tmp_path: Path) -> None:
    assert elsewhere() is None
    own = LocalExecutor(1)
    with chosen(own):
        assert elsewhere() is own
        with executor(7) as workers:
            assert workers is own
    assert elsewhere() is None
