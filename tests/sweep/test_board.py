"""What is said of the time that a sweep still takes."""

from __future__ import annotations

import json
import logging
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from sweeping import write_project

from asr_prune.layout import Layout
from asr_prune.spread.executor import LocalExecutor
from asr_prune.spread.task import Task
from asr_prune.sweep.board import Board
from asr_prune.sweep.points import points_of
from asr_prune.sweep.schedule import SweepSchedule
from asr_prune.workflow.runner import Runner


@pytest.fixture
def board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Board:
    """Of four runs that are estimated to take 100 s each, two at a time."""
    monkeypatch.chdir(tmp_path)
    write_project(tmp_path, "methods: [{prune: {method: none}}]\nseeds: [1, 2, 3, 4]")
    points = points_of(Path("recipes/tiny/sweep.yaml"), Path("recipes/tiny"))
    found = Board.of(points, Path("exp/tiny/sweeps/sweep.json"), 2)
    for status in found.statuses.values():
        status.estimate = 100.0
    return found


def test_estimates_are_corrected_by_what_finished_runs_took(board: Board) -> None:
    first, second, third, _ = board.statuses.values()
    assert board.left == 200
    first.state, first.seconds = "done", 150.0
    assert board.left == 1.5 * 300 / 2
    second.state, second.began = "running", time.time() - 30
    assert board.left == pytest.approx((3 * 150 - 30) / 2, abs=1)
    third.state = "failed"
    assert board.left == pytest.approx(150, abs=1)  # no run ends before its own time
    assert board.counts().startswith("4 runs: 1 done, 1 running, 1 failed, 1 to do; about 2 min left, until ")


def test_runs_that_wait_for_a_worker_do_not_run(board: Board, caplog: pytest.LogCaptureFixture) -> None:
    schedule, begins = SweepSchedule(board, Runner(Layout("tiny"))), time.time()
    board.nj = 7
    tasks = [Task(name, "none:none", {}, Path(name)) for name in board.statuses]
    waiting = {task.output: board.statuses[task.name] for task in tasks}
    first, second, third, _ = tasks

    def watch(*doing: Task) -> list[str]:
        schedule._watch(LocalExecutor(2), waiting, doing)
        stored = json.loads(board.path.read_text())["runs"] if board.path.is_file() else {}
        assert all(own["state"] == board.statuses[name].state for name, own in stored.items())
        return [own.state for own in board.statuses.values()]

    assert watch() == ["to do"] * 4
    with caplog.at_level(logging.INFO):
        assert watch(first, second) == ["running", "running", "to do", "to do"]
        assert watch(first, second) == ["running", "running", "to do", "to do"]
    assert board.left == pytest.approx(200, abs=1)  # two at a time
    assert [text.count("running: ") for text in caplog.messages] == [2]
    assert watch(second, third) == ["to do", "running", "running", "to do"]  # the worker of the first has died
    assert all(own.began >= begins for own in board.of_state("running"))


def test_without_an_estimate_no_end_is_said(board: Board) -> None:
    board.statuses["dense-s3"].estimate = None
    assert board.left is None
    assert board.counts() == "4 runs: 4 to do"


def test_the_file_keeps_states_and_what_finished_runs_took_for_the_next_start(board: Board) -> None:
    board.statuses["dense"].state, board.statuses["dense"].cause = "failed", "no memory"
    board.statuses["dense"].seconds = 3.0
    board.statuses["dense-s2"].state, board.statuses["dense-s2"].seconds = "done", 150.0
    board.save()
    stored = json.loads(board.path.read_text())
    assert stored["runs"]["dense"]["state"] == "failed"
    assert stored["runs"]["dense"]["log"] == "exp/tiny/log/sweep/dense.log"
    assert stored["runs"]["dense"]["part"] == ""
    again = Board.of([own.point for own in board.statuses.values()], board.path, 1)
    assert [own.estimate for own in again.statuses.values()] == [None, 100.0, None, None]
    assert [own.seconds for own in again.statuses.values()] == [None, 150.0, None, None]
    assert [own.state for own in again.statuses.values()] == ["to do"] * 4
    board.path.write_text("{")
    assert Board.of([own.point for own in board.statuses.values()], board.path, 1).left is None
