"""Reading runs: order, what is damaged, what is missing."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from asr_prune.errors import UserError
from asr_prune.report.runs import NestedWidth, read_runs

from .conftest import run_files


def test_dense_first_then_by_method_large_to_small(tmp_path: Path, make_run) -> None:
    make_run("small", "group_lasso", 256, 12.0)
    make_run("half", "group_lasso", 512, 11.0)
    make_run("dense", "none", 1024, 10.0)
    make_run("early", "dsd", 128, 30.0)
    runs, skipped = read_runs(run_files(tmp_path / "demo"))
    assert [run.result.run for run in runs] == ["dense", "early", "half", "small"]
    assert skipped == []


@pytest.mark.parametrize(
    "text",
    ['{"run"', "[]", "{}", '{"method": 3}', '{"method": "l2", "wer_test": "ten"}', '{"method": "l2", "nodes": true}'],
)
def test_damaged_results_are_skipped_and_reported(tmp_path: Path, make_run, text: str) -> None:
    make_run("dense", "none", 1024, 10.0)
    make_run("broken", "l2", 512, 11.0)
    (tmp_path / "demo/runs/broken/result.json").write_text(text)
    (tmp_path / "demo/runs/halfway").mkdir()
    runs, skipped = read_runs(run_files(tmp_path / "demo"))
    assert [run.result.run for run in runs] == ["dense"]
    assert skipped[0].startswith("broken: result.json is damaged")
    assert "halfway: no result.json" in skipped[1]


def test_damaged_norms_lose_only_the_histogram(tmp_path: Path, make_run) -> None:
    make_run("cut-short", "l2", 512, 11.0, norms=128)
    path = tmp_path / "demo/runs/cut-short/norms.npz"
    path.write_bytes(path.read_bytes()[:200])
    make_run("uneven", "l2", 256, 11.0)
    np.savez(tmp_path / "demo/runs/uneven/norms.npz", layer1=np.ones(4), kept1=np.ones(3, bool))
    runs, skipped = read_runs(run_files(tmp_path / "demo"))
    assert [run.norms for run in runs] == [None, None]
    assert len(skipped) == 2


def test_norms_of_all_layers_in_their_order(tmp_path: Path, make_run) -> None:
    make_run("a", "l2", 512, 11.0)
    arrays = {f"layer{layer}": np.full(2, float(layer)) for layer in (10, 2, 1)}
    np.savez(tmp_path / "demo/runs/a/norms.npz", **arrays, kept10=np.array([True, False]))
    norms = read_runs(run_files(tmp_path / "demo"))[0][0].norms
    assert norms is not None
    assert norms.norms.tolist() == [1, 1, 2, 2, 10, 10]
    assert norms.kept.tolist() == [True] * 5 + [False]


def test_no_run_names_the_stage(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no finished run .* stages train to score"):
        read_runs(run_files(tmp_path / "demo"))


def test_widths_are_read_and_damaged_ones_reported(tmp_path: Path, make_run) -> None:
    make_run("led", "guided", 256, 12.0)
    make_run("lost", "guided", 256, 12.0)
    row = {"width": 0.5, "nodes": 128, "dev_ce": 1.0, "wer_dev": 11.0, "wer_test": 12.0}
    nested = NestedWidth(**row, nodes_per_layer=None, wer_test_low=None, wer_test_high=None)
    (tmp_path / "demo/runs/led/widths.json").write_text(json.dumps([row]))
    (tmp_path / "demo/runs/lost/widths.json").write_text(json.dumps([{**row, "nodes": None}]))
    runs, skipped = read_runs(run_files(tmp_path / "demo"))
    assert [run.nested for run in runs] == [(nested,), ()]
    assert skipped == ["lost: widths.json is damaged and left out (nodes is not a number in every row)"]
