"""Invented runs on disk, as the score stage leaves them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asr_prune.report.results import Result
from asr_prune.report.runs import RunFiles

Maker = Callable[..., dict[str, Any]]


def invented_row(run: str, method: str, nodes: int | None, wer: float | None, **more: Any) -> dict[str, Any]:
    """A row with every key of results.json; 4 layers of a network that had 4 x 256 nodes."""
    row = {
        "run": run, "recipe": "demo", "method": method, "vectors": None, "variant": None, "like": None,
        "strength": None, "keep_asked": None, "sparsity_asked": None, "release": 0.5, "seed": 1,
        "hidden_layers": 4, "nodes_per_layer": nodes and [nodes // 4] * 4, "nodes": nodes, "nodes_dense": 1024,
        "params": 300_000, "macs_per_frame": 298_000, "nonzero_weights": 298_000,
        "inputs": 440, "inputs_dense": 440, "output_rank": None, "dev_ce_before_cut": None,
        "dev_ce_after_cut": None, "dev_ce_final": 1.2, "frame_accuracy_dev": 0.7, "norm_mass_removed": None,
        "converged": None, "cut_at_update": 40, "updates": 80, "params_dense": 412_345, "macs_dense": 411_000,
        "train_seconds": 61.2, "train_seconds_per_epoch": 4.0, "train_wall_seconds": 63.0, "device": "cpu",
        "wer_dev": wer, "wer_test": wer, "wer_test_low": wer and wer - 2, "wer_test_high": wer and wer + 2,
        "wer_test_worst": None, "worst_speaker_test": None,
        "wer_raw_test": wer, "cer_dev": wer, "cer_test": wer, "wer_test_tuned": wer, "wer_raw_test_tuned": wer,
        "words_test": 500, "errors_test": {"sub": 30, "ins": 5, "del": 9}, "lm_weight": 10, "penalty": 0.0,
        "rtf_decode": 0.01, "am_forward_seconds_per_hour": 2.0, "rtf_network": None, "rtf_front_end": None,
        "rtf_adaptation": None, "rtf_total": None, "commit": "abc1234",
        "command": f"./run.sh --set prune.method={method}",
    }  # fmt: skip
    return {**row, **more}


def invented(run: str, method: str, nodes: int | None, wer: float | None, **more: Any) -> Result:
    """That row as a Result."""
    return Result.from_dict(invented_row(run, method, nodes, wer, **more))


def run_files(exp: Path) -> list[RunFiles]:
    """What the report stage reads of the runs under `exp`."""
    names = ("result.json", "norms.npz", "weights.npz", "widths.json")
    more = ("model/before_cut.pt", "decode_test", "verify.json", "metrics.jsonl", "nodes.json")
    last = ("score_test.json", "shrunk/network.pt")
    folders = sorted(exp.glob("runs/*"))
    return [RunFiles(path.name, *(path / name for name in (*names, *more, *last))) for path in folders]


@pytest.fixture
def make_run(tmp_path: Path) -> Maker:
    """Writes a run under tmp_path/demo/runs and returns its row; norms: survivors of 256 in each of
    two layers.
    """

    def make(run: str, *facts: Any, norms: int = 0, **more: Any) -> dict[str, Any]:
        folder = tmp_path / "demo" / "runs" / run
        folder.mkdir(parents=True)
        row = invented_row(run, *facts, **more)
        (folder / "result.json").write_text(json.dumps(row))
        if norms:
            kept = np.arange(256) < norms
            layers = {"layer1": np.where(kept, 1.5, 0.0), "layer2": np.where(kept, 1.2, 0.01)}
            np.savez(folder / "norms.npz", **layers, kept1=kept, kept2=kept)
        return row

    return make
