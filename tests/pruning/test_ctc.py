"""Every method on time-delay layers, trained with CTC: the asked nodes go, exactly, and a killed
run ends the same.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from asr_prune.acoustic.architectures import make as build
from asr_prune.acoustic.options import NetworkOptions, TrainOptions
from asr_prune.acoustic.train import Trainer
from asr_prune.acoustic.utterances import UtteranceSet
from asr_prune.pruning.pruner import Pruner
from asr_prune.pruning.registry import find_method, find_options, method_names
from asr_prune.pruning.removal import shrink
from asr_prune.run_dir import RunDir

HIDDEN = (24, 20, 16)
TOKENS = 5
#: what a method needs besides its name, where it does not take `keep`
ASKED: dict[str, dict[str, Any]] = {
    "none": {},
    "dense_small": {},
    "svd": {},
    "dsd": {"granularity": "node", "keep": 0.5},
}
ASKED |= {"map": {"granularity": "node", "keep": 0.5}}
ENDS_DENSE = {"none", "dense_small", "dsd", "svd"}


def utterances(seed: int, count: int) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Tokens of some frames each about their centres, float32 [frames, 4]."""
    rng, centres = (
        np.random.default_rng(seed),
        np.random.default_rng(0).standard_normal((TOKENS, 4)) * 2,
    )
    tokens = {f"u{i:02d}": rng.integers(1, TOKENS, rng.integers(2, 5)) for i in range(count)}
    paths = {name: np.repeat(own, rng.integers(8, 12, len(own))) for name, own in tokens.items()}
    noise = {name: rng.standard_normal((len(path), 4)) for name, path in paths.items()}
    return {name: (centres[path] + noise[name]).astype(np.float32) for name, path in paths.items()}, tokens


@pytest.fixture
def make_trainer(tmp_path: Path) -> Callable[..., Trainer]:
    def made(method: str, name: str, **more: Any) -> Trainer:
        train, dev = (UtteranceSet.from_utterances(*utterances(*of), (1, 1), stride=2) for of in ((1, 40), (2, 6)))
        torch.manual_seed(3)
        options = NetworkOptions(type="tdnn", hidden=HIDDEN, dropout=0.1, context=((0,), (-1, 0, 2)), strides=(1, 2, 1))
        network = build(options, train.inputs, TOKENS)
        network.set_normalisation(*train.moments())
        found = find_method(method)
        prune = {"method": method, "min_nodes": 4, **ASKED.get(method, {"keep": 0.5}), **more}
        pruner = Pruner(found(find_options(prune["method"])(**prune), network.node_layers()), RunDir(tmp_path / name))
        RunDir(tmp_path / name).models.mkdir(parents=True, exist_ok=True)
        given = TrainOptions(epochs=5, utterances=2, learning_rate=0.01, tensorboard=False)
        return Trainer(network, given, train, dev, pruner, 5, RunDir(tmp_path / name))

    return made


@pytest.mark.parametrize("method", method_names())
def test_the_nodes_asked_for_are_left_and_the_rest_goes_exactly(
    make_trainer: Callable[..., Trainer], method: str
) -> None:
    trainer = make_trainer(method, "run")
    trainer.run()
    pruner = trainer.hooks
    assert isinstance(pruner, Pruner)
    masked = pruner.removal.whole().double().eval()
    small, kept = shrink(masked)
    inputs = torch.randn(37, len(masked.shift), dtype=torch.float64)
    assert (masked(inputs) - small(inputs)).abs().max() <= 1e-9
    assert pruner.cut is not None
    assert all(
        set(own) <= set(mask.nonzero().flatten().tolist()) for own, mask in zip(kept, pruner.cut.kept, strict=True)
    )
    assert sum(pruner.cut.nodes) == (60 if method in ENDS_DENSE else 30)


@pytest.mark.parametrize("method", ["group_lasso", "l1", "guided", "complexity", "map"])
def test_a_run_that_was_killed_ends_as_one_that_was_not(make_trainer: Callable[..., Trainer], method: str) -> None:
    whole = make_trainer(method, "whole")
    quality = whole.run()
    killed = make_trainer(method, "part")
    for _ in range(3):
        killed._one_epoch()
    resumed = make_trainer(method, "part")
    assert resumed.run() == quality
    for name, value in whole.network.state_dict().items():
        assert torch.equal(value, resumed.network.state_dict()[name]), name


@pytest.mark.parametrize("vectors", ["outgoing", "incoming"])
def test_shrinking_while_training_changes_nothing(make_trainer: Callable[..., Trainer], vectors: str) -> None:
    told = []
    for live in (True, False):
        trainer = make_trainer("group_lasso", f"live{live}", live_shrink=live, patience=8, vectors=vectors)
        trainer.network.dropouts = [0.0] * 3
        trainer.hooks.dense_dropouts = [0.0] * 3  # type: ignore[attr-defined]
        told.append(trainer.run())
    assert told[0].cross_entropy == pytest.approx(told[1].cross_entropy, rel=1e-3)
