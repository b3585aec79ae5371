"""Worst speakers and sets with noise, from scores on disk to the table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asr_prune.report.further import Further, small_tables
from asr_prune.report.hard import Hard, HardTests, hard_cells, read_hard, with_hard
from asr_prune.report.runs import FinishedRun
from asr_prune.report.small_table import small_section, small_text
from asr_prune.report.write import write_report
from asr_prune.run_dir import RunDir
from asr_prune.score.options import ScoreOptions
from asr_prune.score.run_set import RunSet
from asr_prune.score.wer import score
from asr_prune.score.write import write_score, write_unscored

from .conftest import invented, run_files

REFS = {"a-1": ["ONE", "TWO"], "b-1": ["ONE", "TWO", "SIX", "TEN"], "c-1": []}


def scored(path: Path, wrong_a: int, wrong_b: int) -> None:
    hyps = {"a-1": REFS["a-1"][wrong_a:], "b-1": REFS["b-1"][wrong_b:], "c-1": []}
    write_score(path, score(hyps, REFS, {name: name[0] for name in REFS}, ScoreOptions(bootstrap=0)))


def test_the_worst_speaker_of_every_set(tmp_path: Path) -> None:
    run = RunDir(tmp_path)
    scored(run.score("test"), 1, 1)
    scored(run.score("test_5db"), 1, 4)
    scored(run.score("test_20db"), 0, 3)
    scored(run.score("test_-2.5db"), 2, 4)
    run.score("test_10db").write_text("{")
    write_unscored(run.score("test_0db"), 3, {})
    output = read_hard(run)
    assert output.clean == Hard(pytest.approx(100 * 2 / 6), None, None, 50.0, "a")
    assert list(output.noisy) == ["test_20db", "test_5db", "test_-2.5db"]
    assert [(each.wer, each.worst, each.speaker) for each in output.noisy.values()] == [
        (50.0, 75.0, "b"),
        (pytest.approx(100 * 5 / 6), 100.0, "b"),
        (100.0, 100.0, "b"),
    ]
    assert read_hard(RunDir(tmp_path / "none")) == HardTests()


def test_rows_cells_and_text() -> None:
    hard = HardTests(Hard(10.0, 8.0, 12.0, 31.25, "b"), {"test_20db": Hard(15.0, 11.0, 19.0, 40.0, "a")})
    runs = [FinishedRun(invented(name, "l2", 512, 10.0), None) for name in ("one", "two")]
    rows = [run.result for run in with_hard(runs, {"one": hard})]
    assert (rows[0].wer_test_worst, rows[0].worst_speaker_test) == (31.25, "b")
    assert rows[0].noise_test == {
        "test_20db_wer": 15.0, "test_20db_low": 11.0, "test_20db_high": 19.0, "test_20db_worst": 40.0,
    }  # fmt: skip
    assert (rows[1].wer_test_worst, rows[1].noise_test) == (None, {})
    assert "noise_test" not in rows[1].to_dict()
    assert hard_cells(rows) == [
        ["run", "test", "worst", "test_20db", "worst"],
        ["one", "10.00", "31.25", "15.00", "40.00"],
        ["two", "10.00", "-", "-", "-"],
    ]
    (table,) = small_tables(rows)
    assert max(map(len, small_text(*table, 80).splitlines())) <= 80
    assert "<td>31.25</td>" in "".join(small_section(*table))
    assert small_tables(rows[1:]) == []


def test_the_report_has_them(tmp_path: Path, make_run: Any) -> None:
    make_run("dense", "none", 1024, 10.0)
    exp = tmp_path / "demo"
    hard = {"dense": HardTests(None, {"test_5db": Hard(15.0, None, None, 40.0, "a<b")})}
    text = write_report(run_files(exp), exp / "report", "demo", further=Further(hard=hard))
    assert "Harder tests: WER, and that of the worst speaker\nrun" in text
    (row,) = json.loads((exp / "report/results.json").read_text())
    assert row["noise_test"]["test_5db_worst"] == 40.0
    assert "noise_test.test_5db_wer" in (exp / "report/results.csv").read_text()
    assert "<h2>Harder tests" in (exp / "report/index.html").read_text()


def test_the_worst_speaker_of_a_set_is_over_its_runs() -> None:
    errors, words = np.array([[4, 1, 0], [0, 2, 0]]), np.array([[10, 5, 0], [10, 5, 0]])
    assert RunSet("x", (1, 2), ("x", "x"), errors, words).worst == pytest.approx(30.0)
