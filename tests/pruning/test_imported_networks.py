"""Methods on a network that is made from an nnet3 graph: the widths asked for, and the same outputs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch

from asr_prune.acoustic.checkpoint import load_model
from asr_prune.acoustic.graph_model import cut_model
from asr_prune.acoustic.graph_network import GraphNetwork
from asr_prune.acoustic.graph_parts import GraphMap
from asr_prune.acoustic.options import NetworkOptions, TrainOptions
from asr_prune.nnet3.model import Nnet3, bytes_of, nnet3_of, write_nnet3
from asr_prune.pruning.nodes import Nodes
from asr_prune.pruning.registry import find_options
from asr_prune.pruning.removal import shrink
from asr_prune.pruning.training import train_run
from asr_prune.run_dir import RunDir
from tests.nnet3.conftest import renorm_model, tdnnf_model

pytestmark = pytest.mark.trains

BY_WEIGHT: dict[str, dict[str, Any]] = {
    "magnitude": {"granularity": "weight", "sparsity": 0.5},
    "gradual": {"granularity": "weight", "sparsity": 0.5, "every": 2},
    "map": {"granularity": "weight", "sparsity": 0.5, "every": 4},
    "dsd": {"sparsity": 0.5},
    "l1": {"keep": 0.5},
    "l2": {"keep": 0.5},
}
SIZES: dict[Any, dict[str, int]] = {renorm_model: {"width": 16}, tdnnf_model: {"width": 16, "rank": 16}}
METHODS: dict[str, dict[str, Any]] = {
    "group_lasso": {"every": 1, "steer_every": 2},
    "guided": {"every": 1, "steer_every": 2},
    "complexity": {},
    "map": {"granularity": "node", "every": 4},
    "magnitude": {},
    "magnitude by entropy": {"score": "entropy"},
    "gradual": {"every": 2},
    "random": {},
}


def task(seed: int, count: int) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    rng, centres = np.random.default_rng(seed), np.random.default_rng(0).standard_normal((6, 6))
    labels = {f"u{i}": rng.integers(0, 6, 60).astype(np.int32) for i in range(count)}
    return {u: (centres[y] + rng.standard_normal((60, 6))).astype(np.float32) for u, y in labels.items()}, labels


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("make", SIZES)
def test_masked_small_and_written_networks_are_one(tmp_path: Path, make: Callable[..., Nnet3], method: str) -> None:
    model, run, name = make(**SIZES[make]), RunDir(tmp_path / "run"), method.split(" ")[0]
    write_nnet3(tmp_path / "final.mdl", model)
    network = NetworkOptions(type="nnet3", model=str(tmp_path), left_context=0, right_context=0)
    train = TrainOptions(epochs=6, batch=20, learning_rate=0.003, tensorboard=False)
    options = network, train, find_options(name)(method=name, keep=0.5, **METHODS[method])
    nodes = train_run(run, task(1, 12), task(2, 2), 6, options, 3, {}, [])["nodes_per_layer_dense"]
    masked = load_model(run.network).network.eval()
    small, kept = shrink(masked)
    assert sum(small.widths) == sum(map(len, kept)) == sum(nodes) // 2
    written = nnet3_of(bytes_of(cut_model(model, cast("GraphNetwork", small), kept)), tmp_path)
    x = torch.from_numpy(task(3, 1)[0]["u0"])
    with torch.no_grad():
        torch.testing.assert_close(small(x), masked(x), rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(GraphNetwork.of(written, 1, "small")(x), masked(x), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("method", BY_WEIGHT)
@pytest.mark.parametrize("make", SIZES)
def test_weights_around_gates_are_those_of_their_maps(tmp_path: Path, make: Callable[..., Nnet3], method: str) -> None:
    write_nnet3(tmp_path / "final.mdl", make(**SIZES[make]))
    network = NetworkOptions(type="nnet3", model=str(tmp_path), left_context=0, right_context=0)
    train = TrainOptions(epochs=6, batch=20, learning_rate=0.003, tensorboard=False)
    options = network, train, find_options(method)(method=method, **BY_WEIGHT[method])
    run = RunDir(tmp_path / "run")
    train_run(run, task(1, 12), task(2, 2), 6, options, 3, {}, [])
    trained = load_model(run.network).network
    nodes = Nodes(trained.node_layers(), options[2])
    maps = [m for m in trained.modules() if isinstance(m, GraphMap) and m.weight.requires_grad]
    around = {id(w) for w in nodes.weights()}
    assert around == {id(m.weight) for m in maps}
    assert {id(w) for w in nodes.weights(False)} == around - {id(trained.output.weight)}
