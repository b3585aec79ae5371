"""Verification passes for a shrunk network and for nothing else."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from asr_prune.acoustic.checkpoint import Model
from asr_prune.acoustic.feed_forward import FeedForward
from asr_prune.pruning.removal import shrink, zero_nodes
from asr_prune.pruning.verify import _random, compare_networks


@pytest.fixture(params=["relu", "sigmoid"])
def models(request: pytest.FixtureRequest) -> tuple[Model, Model]:
    """A masked network of 20 + 16 nodes, of which 10 + 12 count, and its shrunk twin."""
    torch.manual_seed(0)
    network = FeedForward(12, (20, 16), 5, request.param)
    network.set_normalisation(torch.randn(12), torch.rand(12) + 0.5)
    with torch.no_grad():
        for layer in network.affine:
            layer.bias.normal_()
    zero_nodes(network.node_layers(), [torch.arange(20) % 2 == 0, torch.arange(16) % 4 != 1], fold=True)
    small, kept = shrink(network)
    return Model(network, torch.zeros(5), (1, 1), [[], []]), Model(small, torch.zeros(5), (1, 1), kept)


@pytest.fixture
def utterances() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {f"u{n}": rng.standard_normal((n, 4)).astype(np.float32) for n in (9, 1, 30)}


def test_a_shrunk_network_agrees(models: tuple[Model, Model], utterances: dict[str, np.ndarray]) -> None:
    masked, small = models
    assert small.network.widths == [10, 12]
    found = compare_networks(masked, small, utterances)
    assert [(a.inputs, a.dtype, a.frames) for a in found] == [
        ("random inputs", "float32", 4096),
        ("test frames", "float32", 40),
        ("random inputs", "float64", 4096),
        ("test frames", "float64", 40),
    ]
    assert all(agreement.holds for agreement in found)
    assert all(str(agreement).endswith(": ok") for agreement in found)
    assert found[3].allowed == 1e-9
    assert masked.network.shift.dtype == small.network.shift.dtype == torch.float32


def test_random_inputs_are_normal_once_the_network_has_normalised_them(models: tuple[Model, Model]) -> None:
    network = models[0].network
    (inputs,) = _random(models[0])
    normalised = (inputs - network.shift) * network.scale
    assert normalised.mean(0).abs().max() < 0.1
    assert (normalised.std(0) - 1).abs().max() < 0.1


@pytest.mark.parametrize("change", [1e-2, float("nan"), float("inf")])
def test_a_changed_weight_is_seen(
    models: tuple[Model, Model], utterances: dict[str, np.ndarray], change: float
) -> None:
    masked, small = models
    with torch.no_grad():
        small.network.output.weight[2] += change
    found = compare_networks(masked, small, utterances)
    assert not any(agreement.holds for agreement in found)
    assert all(str(agreement).endswith(": TOO LARGE") for agreement in found)


def test_a_change_too_small_for_float32_is_seen_in_float64(
    models: tuple[Model, Model], utterances: dict[str, np.ndarray]
) -> None:
    masked, small = models
    with torch.no_grad():
        small.network.output.bias += 5e-7
    assert [agreement.holds for agreement in compare_networks(masked, small, utterances)] == [
        True,
        True,
        False,
        False,
    ]
