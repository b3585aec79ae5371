"""A small dense network: its widths, and that it trains as any other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from asr_prune.acoustic.checkpoint import load_model
from asr_prune.acoustic.options import NetworkOptions, TrainOptions
from asr_prune.errors import UserError
from asr_prune.pruning.methods.dense_small.options import DenseSmallOptions
from asr_prune.pruning.registry import find_options
from asr_prune.pruning.training import train_run
from asr_prune.run_dir import RunDir


def write_nodes(runs: Path, kept: list[int], nodes: list[int]) -> None:
    (runs / "big").mkdir(parents=True)
    layers = [{"nodes": n, "kept": list(range(k))} for n, k in zip(nodes, kept, strict=True)]
    (runs / "big/nodes.json").write_text(json.dumps({"layers": layers}))


def task(seed: int, count: int) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    rng = np.random.default_rng(seed)
    labels = {f"u{i}": rng.integers(0, 5, 60).astype(np.int32) for i in range(count)}
    return {u: rng.standard_normal((60, 4)).astype(np.float32) for u in labels}, labels


def run(folder: Path, prune: dict[str, Any], hidden: tuple[int, ...], dropout: float) -> dict[str, Any]:
    training = TrainOptions(epochs=2, batch=40, tensorboard=False)
    network = NetworkOptions(hidden=hidden, left_context=1, right_context=1, dropout=dropout)
    options = network, training, find_options(prune["method"])(**prune)
    return train_run(RunDir(folder), task(1, 4), task(2, 1), 5, options, 3, {})


def test_widths_are_a_share_of_each_layer(tmp_path: Path) -> None:
    """As far as the minima leave it; together they are what was asked for."""
    for keep, expected in ((0.25, (19, 10, 8)), (0.5, (46, 20, 8)), (None, (100, 40, 8)), (0.01, (8, 8, 8))):
        options = DenseSmallOptions(method="dense_small", keep=keep)
        widths = options.widths([100, 40, 8], tmp_path)
        assert widths == expected
        assert sum(widths) == max(round(148 * (keep or 1)), 24)
        assert options.reads(tmp_path) == []


def test_widths_are_those_of_a_run(tmp_path: Path) -> None:
    write_nodes(tmp_path, [7, 3], [20, 16])
    options = DenseSmallOptions(method="dense_small", like="big")
    assert options.widths([20, 16], tmp_path) == (7, 3)
    assert options.reads(tmp_path) == [tmp_path / "big/nodes.json"]
    with pytest.raises(UserError, match=r"hidden layers \[20, 16\], this run of \[20\]"):
        options.widths([20], tmp_path)


def test_what_is_wrong_with_the_other_run_is_told(tmp_path: Path) -> None:
    options = DenseSmallOptions(method="dense_small", like="big")
    with pytest.raises(UserError, match="list the run big before this one in runs"):
        options.widths([20, 16], tmp_path)
    write_nodes(tmp_path, [7, 3], [20, 16])
    (tmp_path / "big/nodes.json").write_text("{}")
    with pytest.raises(UserError, match="damaged"):
        options.widths([20, 16], tmp_path)


@pytest.mark.trains
def test_it_is_the_network_of_those_widths_trained_from_scratch(tmp_path: Path) -> None:
    write_nodes(tmp_path, [10, 4], [20, 16])
    small = run(tmp_path / "small", {"method": "dense_small", "like": "big"}, (20, 16), 0.0)
    plain = run(tmp_path / "plain", {"method": "none"}, (10, 4), 0.0)
    one, other = (load_model(tmp_path / name / "model/network.pt").network for name in ("small", "plain"))
    assert one.widths == [10, 4]
    assert all(torch.equal(value, other.state_dict()[name]) for name, value in one.state_dict().items())
    assert small["dev_ce_final"] == plain["dev_ce_final"]
    assert small["nodes_per_layer_dense"] == [20, 16]
    assert small["params_dense"] > plain["params_dense"]
    assert small["converged"] is None


@pytest.mark.trains
def test_dropout_suits_the_widths(tmp_path: Path) -> None:
    run(tmp_path / "a", {"method": "dense_small", "keep": 0.5}, (20, 20), 0.2)
    run(tmp_path / "b", {"method": "none"}, (10, 10), 0.1)
    one, other = (load_model(tmp_path / name / "model/network.pt").network.state_dict() for name in ("a", "b"))
    assert all(torch.equal(value, other[name]) for name, value in one.items())


@pytest.mark.parametrize("wrong", [{"like": "a", "keep": 0.5}, {"strength": 0.1}])
def test_options_refuse(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="like"):
        DenseSmallOptions(method="dense_small", **wrong)
