"""Runs whose files have been made anew since: what their works have read, against the manifests."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from asr_prune.files import atomic
from asr_prune.integrity import record
from asr_prune.report.former import former_runs, runs_of_now
from asr_prune.run_dir import RunDir

EXP = Path("exp/tiny/folds-3")
FOLDS = ("1", "2", "3")


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def labels(fold: str, text: str) -> Path:
    """The labels of a fold, made anew."""
    path = EXP / fold / "align/mono/pdf.ark"
    with atomic(path) as file:
        file.write(text)
    record("align", {path: digest(text)})
    return path


def run(name: str) -> RunDir:
    """A run of all folds together, trained on the labels that are there."""
    pooled = RunDir(EXP / "pooled/runs" / name)
    rows = {}
    for fold in FOLDS:
        own, read = RunDir(EXP / fold / "runs" / name), EXP / fold / "align/mono/pdf.ark"
        _note(own, "train", {read: digest(read.read_text())})
        rows[own.result] = digest(name)
        record("score", {own.result: digest(name)})
    _note(pooled, "score", rows)
    return pooled


def _note(run: RunDir, entry: str, inputs: dict[Path, str]) -> None:
    run.records.mkdir(parents=True)
    text = json.dumps({"inputs": {str(path): sha for path, sha in inputs.items()}})
    (run.records / f"{entry}.json").write_text(text)


@pytest.mark.parametrize("changed", FOLDS)
def test_a_run_of_all_folds_is_a_former_one_if_it_is_in_any(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for fold in FOLDS:
        labels(fold, f"of fold {fold}")
    before = [run("dense"), run("gradual")]
    assert former_runs(before) == set()
    labels(changed, "of other passes")
    both = [*before, now := run("magnitude")]
    assert former_runs(both) == set(before)
    said = "dense, gradual: of labels, features or transcripts that have been made anew since"
    assert runs_of_now(both) == ([now], [said])
    labels(changed, f"of fold {changed}")
    assert former_runs(both) == {now}
