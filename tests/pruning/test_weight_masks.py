"""Magnitude pruning of single weights: how many are zero, when, and that they stay zero."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from asr_prune.acoustic.feed_forward import FeedForward
from asr_prune.acoustic.train import Trainer
from asr_prune.pruning.registry import find_method, find_options
from asr_prune.pruning.removal import shrink

MakeTrainer = Callable[..., Trainer]
BOTH = pytest.mark.parametrize("method", ["magnitude", "gradual"])


def weights(network: FeedForward, output: bool = True) -> list[torch.Tensor]:
    return [layer.weight.detach() for layer in network.affine][: None if output else -1]


def made(name: str, steps: int, hidden: tuple[int, ...], **asked: Any) -> tuple[FeedForward, Any]:
    torch.manual_seed(0)
    network = FeedForward(6, hidden, 5)
    options = find_options(name)(method=name, granularity="weight", **asked)
    method = find_method(name)(options, network.node_layers())
    method.start(torch.optim.SGD(network.parameters(), lr=0.1), method.schedule.phases_of(steps))
    return network, method


@settings(max_examples=15)
@given(
    name=st.sampled_from(["magnitude", "gradual"]),
    sparsity=st.floats(0.05, 0.97),
    hidden=st.lists(st.integers(3, 14), min_size=1, max_size=3),
    output=st.booleans(),
    fine_tune=st.floats(0.0, 0.7),
)
def test_the_smallest_weights_of_all_layers_go_and_stay_gone(
    name: str, sparsity: float, hidden: list[int], output: bool, fine_tune: float
) -> None:
    network, method = made(name, 40, tuple(hidden), sparsity=sparsity, output_layer=output, fine_tune=fine_tune)
    cut_at = method.schedule.own.cut_at
    for step in range(1, 41):
        with torch.no_grad():
            for parameter in network.parameters():
                parameter += 0.05 * torch.randn_like(parameter)
        before = torch.cat([w.abs().flatten() for w in weights(network, output)])
        method.after_step(step)
        after = torch.cat([w.flatten() for w in weights(network, output)])
        if step >= cut_at:
            assert int(after.count_nonzero()) == round((1 - sparsity) * len(after))
        if step == cut_at and name == "magnitude":
            assert before[after == 0].max() <= before[after != 0].min()
    assert method.finish() is not None


@BOTH
@pytest.mark.parametrize("optimiser", ["sgd", "adamw"])
def test_resumed_equals_uninterrupted(make_trainer: MakeTrainer, method: str, optimiser: str) -> None:
    prune = {"method": method, "granularity": "weight", "sparsity": 0.8}
    whole = make_trainer(prune, {"optimiser": optimiser, "epochs": 4}, "whole", dropout=0.2)
    whole.run()
    part = make_trainer(prune, {"optimiser": optimiser, "epochs": 4}, "part", dropout=0.2)
    while part.epoch < 3:
        part._one_epoch()
    resumed = make_trainer(prune, {"optimiser": optimiser, "epochs": 4}, "part", dropout=0.2)
    resumed.run()
    for name, value in whole.network.state_dict().items():
        assert torch.equal(value, resumed.network.state_dict()[name]), name


@BOTH
def test_nothing_is_left_to_cut(make_trainer: MakeTrainer, method: str) -> None:
    trainer = make_trainer({"method": method, "granularity": "weight", "sparsity": 0.9})
    trainer.run()
    cut = trainer.hooks.cut
    found = torch.cat([w.flatten() for w in weights(trainer.network)])
    assert int(found.count_nonzero()) <= round(0.1 * len(found))  # of nodes without an outgoing weight all go
    assert cut.dev_ce_before == cut.dev_ce_after == trainer.metrics[-1]["dev_ce"]
    network = trainer.network.eval().double()
    small, _ = shrink(network)
    inputs = trainer.dev_frames.splice(torch.arange(50)).double()
    assert torch.allclose(network(inputs), small(inputs), atol=1e-9)


def test_before_the_mask_training_is_dense(make_trainer: MakeTrainer) -> None:
    masked = {"method": "magnitude", "granularity": "weight", "fine_tune": 0.0}
    dense, ours = make_trainer({"method": "none"}, {}, "a"), make_trainer(masked, {}, "b")
    for trainer in (dense, ours):
        while trainer.epoch < 3:
            trainer._one_epoch()
    for name, value in dense.network.state_dict().items():
        assert torch.equal(value, ours.network.state_dict()[name]), name


@pytest.mark.parametrize("kind", ["feed_forward", "residual", "tdnn", "tdnnf"])
@pytest.mark.parametrize("method", ["magnitude", "gradual", "map"])
def test_masked_weights_of_every_network_are_zero_at_the_end(make_trainer: MakeTrainer, method: str, kind: str) -> None:
    """A factored network is brought nearer to its constraint after every fourth update, and so after the last."""
    trainer = make_trainer({"method": method, "granularity": "weight", "sparsity": 0.75}, {"epochs": 4}, type=kind)
    trainer.run()
    held = trainer.hooks.method.weights
    assert trainer.step % 4 == 0
    assert len(held.masks) == len(held.maskable)
    assert all(not weight[mask == 0].any() for weight, mask in zip(held.maskable, held.masks, strict=True))


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"granularity": "weight", "keep": 0.5}, "keep counts nodes; with granularity weight give sparsity"),
        ({"sparsity": 0.5}, "sparsity counts weights; with granularity node give keep"),
        ({"granularity": "weight", "sparsity": 1.0}, "sparsity must be at least 0 and below 1"),
        ({"granularity": "weight", "strength": 0.1}, "strength"),
        ({"granularity": "weight", "score": "onorm"}, "score is of nodes"),
        ({"granularity": "weight", "release_rate": 0.5}, "release_rate is for cuts of nodes"),
    ],
)
@BOTH
def test_what_is_refused(method: str, asked: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        find_options(method)(method=method, **asked)
