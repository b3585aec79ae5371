"""The parts of the real-time factor, from rows to table and page."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from asr_prune.decode.front_end_file import FrontEndTime
from asr_prune.report.further import Further
from asr_prune.report.runs import FinishedRun
from asr_prune.report.waiting import waiting_cells, waiting_notes, with_waiting
from asr_prune.report.write import write_report

from .conftest import invented, run_files

#: 2 ms in the network of dense
ROWS = [
    invented("dense", "none", 1024, 10.0, am_forward_seconds_per_hour=7.2, rtf_decode=0.013),
    invented("half", "l1", 512, 10.0, am_forward_seconds_per_hour=1.8, rtf_decode=0.0125),
]


def rows_with(front_end: FrontEndTime, rows: Any = ROWS) -> list[Any]:
    return [run.result for run in with_waiting([FinishedRun(row, None) for row in rows], front_end)]


def test_the_parts_make_the_whole() -> None:
    dense, half = rows_with(FrontEndTime(0.003, 0.02))
    assert dense.rtf_network == pytest.approx(7.2 / 3600)
    assert dense.rtf_total == pytest.approx(0.003 + 0.02 + 0.002 + 0.013)
    assert half.rtf_total == pytest.approx(0.003 + 0.02 + 0.0005 + 0.0125)
    assert (half.rtf_front_end, half.rtf_adaptation) == (0.003, 0.02)


def test_without_adaptation_it_is_less_and_without_a_part_unknown() -> None:
    assert rows_with(FrontEndTime(0.003, None))[0].rtf_total == pytest.approx(0.018)
    assert [row.rtf_total for row in rows_with(FrontEndTime(None, 0.02))] == [None, None]
    lacking = [
        replace(ROWS[0], rtf_decode=None),
        replace(ROWS[1], am_forward_seconds_per_hour=float("nan")),
    ]
    assert [row.rtf_total for row in rows_with(FrontEndTime(0.003, None), lacking)] == [None, None]


def test_cells_are_milliseconds_and_notes_say_what_pruning_can_save() -> None:
    rows = rows_with(FrontEndTime(0.003, None))
    assert waiting_cells(rows) == [
        ["run", "front end", "adaptation", "network", "search", "all", "% of dense"],
        ["dense", "3.00", "-", "2.00", "13.00", "18.00", "100"],
        ["half", "3.00", "-", "0.50", "12.50", "16.00", "89"],
    ]
    assert "The network is 11 % of what dense takes" in waiting_notes(rows)[1]
    assert len(waiting_notes(rows_with(FrontEndTime(None, None)))) == 1
    alone = [row for row in rows if row.run == "half"]
    assert [cells[-1] for cells in waiting_cells(alone)] == ["% of dense", "-"]


def test_shares_are_of_a_dense_network_of_the_same_size() -> None:
    large = [replace(row, run=f"{row.run}-large", nodes_dense=4096, rtf_decode=0.1) for row in ROWS]
    rows = rows_with(FrontEndTime(0.003, None), [*large, *ROWS])
    assert [cells[-1] for cells in waiting_cells(rows)[1:]] == ["100", "99", "100", "89"]


def test_the_report_has_them(tmp_path: Path, make_run: Any) -> None:
    make_run("dense", "none", 1024, 10.0)
    make_run("half", "group_lasso", 512, 10.5, keep_asked=0.5)
    exp = tmp_path / "demo"
    text = write_report(run_files(exp), exp / "report", "demo", further=Further(front_end=FrontEndTime(0.003, 0.02)))
    assert "What a user waits for: milliseconds per second of speech\nrun" in text
    assert "<h2>What a user waits for: milliseconds" in (exp / "report/index.html").read_text()
    (row, _) = json.loads((exp / "report/results.json").read_text())
    assert row["rtf_total"] == pytest.approx(0.003 + 0.02 + 2 / 3600 + 0.01)
    assert "What a user waits for" not in write_report(run_files(exp), exp / "report", "demo")
