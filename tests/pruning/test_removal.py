"""Removal is exact, whatever widths, zeros and activation."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from asr_prune.acoustic.network import FeedForward
from asr_prune.pruning.removal import shrink, silence

widths = st.lists(st.integers(1, 9), min_size=1, max_size=4)


def random_network(hidden: list[int], activation: str, seed: int) -> FeedForward:
    torch.manual_seed(seed)
    network = FeedForward(5, hidden, 4, activation).double()
    for layer in network.affine:
        torch.nn.init.normal_(layer.bias)
    return network


@given(widths, st.sampled_from(["relu", "sigmoid"]), st.integers(0, 999), st.floats(0, 1))
@settings(max_examples=60, deadline=None)
def test_shrunk_computes_the_same(hidden: list[int], activation: str, seed: int, share: float) -> None:
    network = random_network(hidden, activation, seed)
    with torch.no_grad():
        for layer in network.affine:
            layer.weight[torch.rand(layer.weight.shape[0]) < share] = 0
            layer.weight[:, torch.rand(layer.weight.shape[1]) < share] = 0
    small, kept = shrink(network)
    inputs = torch.randn(64, 5, dtype=torch.float64)
    assert (network(inputs) - small(inputs)).abs().max() <= 1e-9
    assert small.widths == [len(k) for k in kept]


@given(widths, st.integers(0, 999))
@settings(max_examples=30, deadline=None)
def test_nothing_useless_is_left(hidden: list[int], seed: int) -> None:
    network = random_network(hidden, "sigmoid", seed)
    with torch.no_grad():
        for layer in network.affine[1:]:
            layer.weight[:, torch.rand(layer.weight.shape[1]) < 0.4] = 0
    small, _ = shrink(network)
    for layer in small.node_layers():
        assert bool((layer.norms("incoming") > 0).all())
        assert bool((layer.norms("outgoing") > 0).all())


def test_dead_layer_leaves_a_constant() -> None:
    network = random_network([6, 5], "sigmoid", 1)
    with torch.no_grad():
        network.affine[1].weight.zero_()
    small, kept = shrink(network)
    assert kept == [[], []]
    inputs = torch.randn(9, 5, dtype=torch.float64)
    assert torch.allclose(network(inputs), small(inputs), atol=1e-12)


@given(st.sampled_from(["relu", "sigmoid"]), st.integers(0, 999))
@settings(max_examples=20, deadline=None)
def test_silencing_counts_incoming_vectors_as_zero_that_are_not(activation: str, seed: int) -> None:
    network = random_network([8, 7], activation, seed)
    kept = [torch.rand(layer.size) < 0.5 for layer in network.node_layers()]
    inputs = torch.randn(20, 5, dtype=torch.float64)
    x = inputs
    for layer, mask in zip(network.node_layers(), kept, strict=True):
        x = layer.activation(x @ (layer.incoming.weight * mask[:, None]).T + layer.incoming.bias)
    expected = network.output(x)
    silence(network.node_layers(), kept, fold=True)
    assert torch.allclose(network(inputs), expected, atol=1e-9)


@given(st.sampled_from(["relu", "sigmoid"]), st.integers(0, 999))
@settings(max_examples=20, deadline=None)
def test_silencing_by_folding_is_what_zero_incoming_vectors_compute(activation: str, seed: int) -> None:
    network = random_network([8, 7], activation, seed)
    kept = [torch.rand(layer.size) < 0.5 for layer in network.node_layers()]
    with torch.no_grad():
        for layer, mask in zip(network.node_layers(), kept, strict=True):
            layer.incoming.weight[~mask] = 0
    inputs = torch.randn(20, 5, dtype=torch.float64)
    expected = network(inputs)
    silence(network.node_layers(), kept, fold=True)
    assert torch.allclose(network(inputs), expected, atol=1e-9)


def test_the_network_given_is_left_alone() -> None:
    network = random_network([4, 4], "relu", 2)
    before = {k: v.clone() for k, v in network.state_dict().items()}
    shrink(network)
    assert all(torch.equal(before[k], v) for k, v in network.state_dict().items())
