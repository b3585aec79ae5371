"""Runs that are found as they were not made: renamed, changed by hand, of one name twice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from asr_prune.integrity import record
from asr_prune.report.results import read_result
from asr_prune.report.runs import read_runs
from asr_prune.report.sets import by_seed, compare_all, read_run

from .conftest import run_files
from .of_sets import scored

Maker = Callable[..., dict[str, Any]]


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_renamed_run_goes_by_its_folder(tmp_path: Path, make_run: Maker) -> None:
    make_run("dense", "none", 1024, 10.0)
    make_run("half", "l2", 512, 11.0)
    make_run("quarter", "l2", 256, 12.0)
    (tmp_path / "demo/runs/half").rename(tmp_path / "demo/runs/half-before")
    assert read_result(tmp_path / "demo/runs/half-before/result.json", "half-before").run == "half-before"
    runs, _ = read_runs(run_files(tmp_path / "demo"))
    assert [run.result.run for run in runs] == ["dense", "half-before", "quarter"]


@pytest.mark.parametrize("name", ["result.json", "norms.npz"])
def test_a_file_that_has_been_changed_by_hand_loses_itself_alone(tmp_path: Path, make_run: Maker, name: str) -> None:
    make_run("dense", "none", 1024, 10.0)
    make_run("half", "l2", 512, 11.0, norms=128)
    record("score", {tmp_path / "demo/runs/half" / name: "0" * 64})
    runs, skipped = read_runs(run_files(tmp_path / "demo"))
    assert len(runs) == (1 if name == "result.json" else 2)
    assert skipped[0].startswith(f"half: {name} is damaged")


def test_a_changed_recipe_leaves_its_run_out_of_the_comparison() -> None:
    runs = [scored("dense", 0.1), scored("half", 0.1, method="l1"), scored("quarter", 0.2, method="l2")]
    record("train", {runs[1].recipe: "0" * 64})
    output = compare_all(runs, 100, 0)
    assert output
    assert [row.runs.name for row in output.rows] == ["dense", "quarter"]
    assert output.left_out[0].startswith("half: exp/x/runs/half/recipe.yaml is damaged")


def test_runs_of_one_name_and_other_settings_are_all_kept() -> None:
    runs = [
        scored("dense", 0.1, exp=exp, epochs=epochs) for exp, epochs in (("x", 8), ("x/seeds/2", 9), ("x/seeds/3", 4))
    ]
    groups = by_seed([read_run(run, "test") for run in runs])
    assert [len(group) for group in groups.values()] == [1, 1, 1]
    assert {"dense", "exp/x/seeds/2/runs/dense"} < set(groups)
