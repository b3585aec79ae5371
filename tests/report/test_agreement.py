"""Runs beside the dense one, where the test set has no transcripts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from asr_prune.report.write import write_report
from asr_prune.score.options import ScoreOptions

from .conftest import Maker, run_files

SILENT: dict[str, Any] = {
    "words_test": 0,
    **dict.fromkeys(("wer_test_low", "wer_test_high", "wer_raw_test", "cer_test", "wer_test_tuned"), None),
    **dict.fromkeys(("wer_raw_test_tuned", "errors_test", "wer_test"), None),
}


@pytest.fixture
def exp(tmp_path: Path, make_run: Maker) -> Path:
    said = {"dense": "a YES NO\nb NO\nc\n", "half": "a YES OH\nb NO NO\n", "third": "a YES NOW\nb NO\nc\n"}
    for run, (method, nodes, penalty) in {
        "dense": ("none", 1024, 0.0),
        "half": ("l2", 512, 0.5),
        "third": ("l2", 256, 0.0),
    }.items():
        make_run(run, method, nodes, 20.0, **SILENT | {"penalty": penalty})
        folder = tmp_path / f"demo/runs/{run}/decode_test/penalty_{penalty:g}"
        folder.mkdir(parents=True)
        (folder / "10.txt").write_text(said[run])
    return tmp_path / "demo"


def rows(exp: Path) -> dict[str, Any]:
    return {row["run"]: row for row in json.loads((exp / "report/results.json").read_text())}


def test_edits_from_the_dense_words_are_shown_and_wer_is_not(exp: Path) -> None:
    table = write_report(run_files(exp), exp / "report", "demo")
    found = rows(exp)
    assert found["half"]["agreement_test"] == {"run": "dense", "edits": 2, "words": 3}
    assert found["third"]["agreement_test"] == {"run": "dense", "edits": 1, "words": 3}
    assert "agreement_test" not in found["dense"]
    half = next(line for line in table.splitlines() if line.startswith("half"))
    assert "66.67" in half
    assert "[" not in half
    assert "edits from dense: the test set has no transcripts" in table
    page = (exp / "report/index.html").read_text()
    assert "66.67" in page
    assert "the test set has no transcripts, so that there is no word error rate" in page
    assert "agreement_test.edits" in (exp / "report/results.csv").read_text().splitlines()[0]


def test_equivalent_words_are_no_edits(exp: Path) -> None:
    write_report(run_files(exp), exp / "report", "demo", score=ScoreOptions(equivalents=[["NO", "NOW"]]))
    assert rows(exp)["third"]["agreement_test"]["edits"] == 0


def test_what_cannot_be_compared_is_said(exp: Path) -> None:
    (exp / "runs/third/decode_test/penalty_0/10.txt").unlink()
    table = write_report(run_files(exp), exp / "report", "demo")
    assert "third: no agreement with dense: " in table
    (exp / "runs/dense/result.json").unlink()
    table = write_report(run_files(exp), exp / "report", "demo")
    assert "no dense run (prune.method none) to compare the words of a test set without transcripts with" in table
    assert "edits from" not in table


def test_a_warning_about_the_test_set_stands_below_the_table_and_on_the_page(exp: Path) -> None:
    table = write_report(run_files(exp), exp / "report", "demo", warning="3 of 4 sentences <known>.")
    assert "note: 3 of 4 sentences <known>.\n" in table
    assert "3 of 4 sentences &lt;known&gt;." in (exp / "report/index.html").read_text()
