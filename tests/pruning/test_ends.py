"""Inputs and outputs are pruned with the nodes: counts met, removal exact, resume exact."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from asr_prune.acoustic.checkpoint import load_model
from asr_prune.acoustic.options import NetworkOptions, TrainOptions
from asr_prune.pruning.registry import find_options
from asr_prune.pruning.shrink_job import shrink_run
from asr_prune.pruning.training import train_run
from asr_prune.pruning.verify import compare_networks
from asr_prune.report.explain import explain
from asr_prune.run_dir import RunDir

from .conftest import PDFS, task
from .test_ctc import utterances

pytestmark = pytest.mark.trains

FAST = {"every": 1, "steer_every": 2, "patience": 5}
METHODS: list[dict[str, Any]] = [
    {"method": "group_lasso", "vectors": "incoming", **FAST},
    {"method": "group_lasso", **FAST},
    {"method": "group_lasso", "solver": "subgradient"},
    {"method": "guided", "cut": "prefix", **FAST},
    {"method": "guided", "norm": "l1", **FAST},
    {"method": "l1"},
    {"method": "l2", "vectors": "incoming"},
    {"method": "magnitude"},
    {"method": "magnitude", "score": "entropy"},
    {"method": "gradual", "every": 4},
    {"method": "complexity"},
]


def trained(
    run: Path,
    prune: dict[str, Any],
    network: str = "feed_forward",
    epochs: int = 4,
    dropout: float = 0.1,
) -> dict[str, Any]:
    options = find_options(prune["method"])(**{"min_nodes": 2, **prune})
    kind: dict[str, Any] = {"type": network, "stream": 12, "dropout": dropout, "strides": (1,)}
    shape = NetworkOptions(hidden=(20, 16), left_context=1, right_context=1, **kind)
    training = TrainOptions(epochs=epochs, batch=50, learning_rate=0.01, tensorboard=False, device="cpu")
    return train_run(RunDir(run), task(1, 6), task(2, 2), PDFS, (shape, training, options), 3, {})


def shrunk(run: Path) -> dict[str, Any]:
    """The run's size, after its two networks were compared."""
    shrink_run(RunDir(run))
    masked, small = load_model(RunDir(run).network), load_model(RunDir(run).shrunk)
    assert all(row.holds for row in compare_networks(masked, small, task(2, 2)[0]))
    size: dict[str, Any] = json.loads(RunDir(run).size.read_text())
    return size


@pytest.mark.parametrize("network", ["feed_forward", "residual", "tdnnf"])
@pytest.mark.parametrize("prune", METHODS, ids=lambda prune: "-".join(map(str, prune.values()))[:24])
def test_every_method_prunes_both_ends(tmp_path: Path, prune: dict[str, Any], network: str) -> None:
    figures = trained(tmp_path, {"keep": 0.5, "inputs": 1 / 3, "output_rank": 3, **prune}, network)
    size = shrunk(tmp_path)
    assert (sum(size["nodes"]), size["inputs"], size["output_rank"]) == (18, 6, 3)
    assert figures["inputs_dense"] == 18
    nodes = json.loads(RunDir(tmp_path).nodes.read_text())
    small = load_model(RunDir(tmp_path).shrunk).network
    assert small.selection is not None
    assert small.selection.tolist() == nodes["inputs"]["kept"]
    assert load_model(RunDir(tmp_path).before_cut).network.shape()["outputs"] == PDFS
    rows = [json.loads(line) for line in RunDir(tmp_path).metrics.read_text().splitlines()]
    assert (rows[-1]["inputs"], rows[-1]["macs"]) == (6, size["macs"])
    assert "input: 6 of 18 coefficients of the spliced frame kept" in explain(RunDir(tmp_path))


def test_map_by_nodes_removes_inputs(tmp_path: Path) -> None:
    trained(tmp_path, {"method": "map", "granularity": "node", "keep": 0.5, "inputs": True, "every": 4})
    size = shrunk(tmp_path)
    assert (sum(size["nodes"]), size["inputs"]) == (18, 9)


@pytest.mark.parametrize("method", ["none", "dense_small"])
def test_a_network_that_is_not_pruned_may_be_factored(tmp_path: Path, method: str) -> None:
    keep = {"keep": 0.5} if method == "dense_small" else {}
    trained(tmp_path, {"method": method, "output_rank": 3, **keep})
    assert shrunk(tmp_path)["output_rank"] == 3


def test_a_small_network_like_a_run_reads_what_the_run_reads(tmp_path: Path) -> None:
    trained(tmp_path / "pruned", {"method": "magnitude", "keep": 0.5, "inputs": 1 / 3})
    trained(tmp_path / "small", {"method": "dense_small", "like": "pruned", "output_rank": 3})
    one, other = shrunk(tmp_path / "pruned"), shrunk(tmp_path / "small")
    assert (one["nodes"], one["inputs"], other["output_rank"]) == (
        other["nodes"],
        other["inputs"],
        3,
    )
    shapes = [load_model(RunDir(tmp_path / name).shrunk).network.shape() for name in ("pruned", "small")]
    assert shapes[0]["columns"] == shapes[1]["columns"]


def test_a_rank_that_saves_nothing_leaves_the_output_whole(tmp_path: Path) -> None:
    trained(tmp_path, {"method": "magnitude", "keep": 0.5, "output_rank": 6})
    assert shrunk(tmp_path)["output_rank"] is None


def test_a_penalty_of_fixed_strength_counts_inputs_by_itself(tmp_path: Path) -> None:
    trained(tmp_path, {"method": "group_lasso", "strength": 0.2, "inputs": True, **FAST})
    assert shrunk(tmp_path)["inputs"] < 18


def test_inputs_that_leave_during_training_are_the_same_as_zeros(tmp_path: Path) -> None:
    asked = {"method": "group_lasso", "keep": 0.5, "inputs": 1 / 3, "output_rank": 3, **FAST}
    for name, live in (("live", True), ("zeros", False)):
        trained(tmp_path / name, {**asked, "live_shrink": live}, epochs=6, dropout=0.0)
    runs = [RunDir(tmp_path / name) for name in ("live", "zeros")]
    live, zeros = (json.loads(run.nodes.read_text()) for run in runs)
    assert live["inputs"]["kept"] == zeros["inputs"]["kept"]
    assert [layer["kept"] for layer in live["layers"]] == [layer["kept"] for layer in zeros["layers"]]
    networks = [load_model(run.network).network for run in runs]
    frames = torch.randn(50, 18)
    assert torch.allclose(networks[0](frames), networks[1](frames), atol=1e-3)
    costs = [json.loads(run.metrics.read_text().splitlines()[-1])["macs"] for run in runs]
    assert costs[0] < costs[1]


@pytest.mark.parametrize("method", ["group_lasso", "complexity"])
def test_ends_of_time_delay_networks_trained_with_ctc(tmp_path: Path, method: str) -> None:
    options = find_options(method)(method=method, keep=0.5, inputs=1 / 3, output_rank=2, min_nodes=2)
    shape = NetworkOptions(type="tdnn", hidden=(12, 10), context=((0,), (-1, 0)), strides=(1, 2))
    shape = replace(shape, left_context=1, right_context=1)
    training = TrainOptions(epochs=4, utterances=4, learning_rate=0.01, tensorboard=False, device="cpu")
    tokens = ["-", "a", "b", "c", "d"]
    train_run(
        RunDir(tmp_path),
        utterances(1, 30),
        utterances(2, 6),
        tokens,
        (shape, training, options),
        3,
        {},
    )
    shrink_run(RunDir(tmp_path))
    masked, small = load_model(RunDir(tmp_path).network), load_model(RunDir(tmp_path).shrunk)
    assert all(row.holds for row in compare_networks(masked, small, utterances(2, 6)[0]))
    size = json.loads(RunDir(tmp_path).size.read_text())
    assert (sum(size["nodes"]), size["inputs"], size["output_rank"]) == (11, 4, 2)


@pytest.mark.parametrize("stop", [3, 5])
@pytest.mark.parametrize("prune", [METHODS[0], {"method": "gradual", "every": 4}, {"method": "complexity"}], ids=str)
def test_a_killed_run_ends_with_the_same_weights(
    tmp_path: Path, prune: dict[str, Any], stop: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed in the sparsify phase, and after the cut."""
    from asr_prune.acoustic.train import Trainer

    asked = {"keep": 0.5, "inputs": 1 / 3, "output_rank": 3, **prune}
    trained(tmp_path / "whole", asked, epochs=6)
    one_epoch = Trainer._one_epoch

    def killed(trainer: Trainer) -> None:
        if trainer.epoch == stop:
            raise KeyboardInterrupt
        one_epoch(trainer)

    monkeypatch.setattr(Trainer, "_one_epoch", killed)
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path / "killed", asked, epochs=6)
    monkeypatch.setattr(Trainer, "_one_epoch", one_epoch)
    trained(tmp_path / "killed", asked, epochs=6)
    states = [load_model(RunDir(tmp_path / name).network).network.state_dict() for name in ("whole", "killed")]
    assert states[0].keys() == states[1].keys()
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


@pytest.mark.parametrize(
    ("prune", "words"),
    [
        (
            {"method": "none", "inputs": True},
            "none removes no nodes, and no inputs either; leave inputs out",
        ),
        ({"method": "dense_small", "inputs": 0.5}, "dense_small removes no nodes"),
        ({"method": "dsd", "inputs": True}, "dsd removes no nodes"),
        ({"method": "map", "inputs": True}, "set granularity node, or leave inputs out"),
        ({"method": "map", "output_rank": 3}, "leave output_rank out"),
        (
            {"method": "magnitude", "inputs": 1.5},
            "inputs must be true, false, or above 0 and at most 1, not 1.5",
        ),
        (
            {"method": "magnitude", "output_rank": 0},
            "output_rank must be auto, or 1 or more, not 0",
        ),
        (
            {"method": "magnitude", "output_energy": 1.0},
            "output_energy must be above 0 and below 1",
        ),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused(prune: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        find_options(prune["method"])(**prune)
