"""Removal is exact, whatever widths, zeros and activation."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from asr_prune.acoustic.architectures import make
from asr_prune.acoustic.feed_forward import FeedForward
from asr_prune.acoustic.network import Network, size_of
from asr_prune.acoustic.options import NetworkOptions
from asr_prune.pruning.removal import hold_at_zero, narrow, shrink, widen, zero_nodes

widths = st.lists(st.integers(1, 9), min_size=1, max_size=4)


types = st.sampled_from(["feed_forward", "residual", "tdnn", "tdnnf"])


def random_network(hidden: list[int], activation: str, seed: int, kind: str = "feed_forward") -> Network:
    torch.manual_seed(seed)
    options = NetworkOptions(type=kind, hidden=tuple(hidden), activation=activation, stream=6)  # type: ignore[arg-type]
    network = make(options, 5, 4).double().eval()
    for layer in network.affine:
        if layer.bias is not None:
            torch.nn.init.normal_(layer.bias)
    return network


@given(widths, st.sampled_from(["relu", "sigmoid"]), st.integers(0, 999), st.floats(0, 1), types)
@settings(max_examples=100)
def test_shrunk_computes_the_same(hidden: list[int], activation: str, seed: int, share: float, kind: str) -> None:
    network = random_network(hidden, activation, seed, kind)
    with torch.no_grad():
        for layer in network.affine:
            layer.weight[torch.rand(layer.weight.shape[0]) < share] = 0
            layer.weight[..., torch.rand(layer.weight.shape[-1]) < share] = 0
    small, kept = shrink(network)
    inputs = torch.randn(64, 5, dtype=torch.float64)
    assert (network(inputs) - small(inputs)).abs().max() <= 1e-9
    assert small.widths == [len(k) for k in kept]


@given(widths, st.integers(0, 999), types)
@settings(max_examples=40)
def test_nothing_useless_is_left(hidden: list[int], seed: int, kind: str) -> None:
    network = random_network(hidden, "sigmoid", seed, kind)
    with torch.no_grad():
        for layer in network.affine[1:]:
            layer.weight[..., torch.rand(layer.weight.shape[-1]) < 0.4] = 0
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
@settings(max_examples=20)
def test_silencing_counts_incoming_vectors_as_zero_that_are_not(activation: str, seed: int) -> None:
    network = random_network([8, 7], activation, seed)
    kept = [torch.rand(layer.size) < 0.5 for layer in network.node_layers()]
    inputs = torch.randn(20, 5, dtype=torch.float64)
    x = inputs
    for layer, mask in zip(network.node_layers(), kept, strict=True):
        x = layer.activation(x @ (layer.incoming.weight * mask[:, None]).T + layer.incoming.bias)
    expected = x @ network.affine[-1].weight.T + network.affine[-1].bias
    zero_nodes(network.node_layers(), kept, fold=True)
    assert torch.allclose(network(inputs), expected, atol=1e-9)


@given(st.sampled_from(["relu", "sigmoid"]), st.integers(0, 999), types)
@settings(max_examples=40)
def test_silencing_by_folding_is_what_zero_incoming_vectors_compute(activation: str, seed: int, kind: str) -> None:
    network = random_network([8, 7], activation, seed, kind)
    kept = [torch.rand(layer.size) < 0.5 for layer in network.node_layers()]
    with torch.no_grad():
        for layer, mask in zip(network.node_layers(), kept, strict=True):
            layer.incoming.weight[~mask] = 0
    inputs = torch.randn(20, 5, dtype=torch.float64)
    expected = network(inputs)
    zero_nodes(network.node_layers(), kept, fold=True)
    assert torch.allclose(network(inputs), expected, atol=1e-9)


def test_the_network_given_is_left_alone() -> None:
    network = random_network([4, 4], "relu", 2)
    before = {k: v.clone() for k, v in network.state_dict().items()}
    shrink(network)
    assert all(torch.equal(before[k], v) for k, v in network.state_dict().items())


def test_a_residual_layer_without_nodes_is_gone_whole() -> None:
    network = random_network([6, 5, 4], "sigmoid", 1, "residual")
    with torch.no_grad():
        network.node_layers()[1].incoming.weight.zero_()
    small, kept = shrink(network)
    assert [len(k) for k in kept] == small.widths == [6, 0, 4]
    assert size_of(small).params == size_of(network).params - 5 * (6 + 1 + 6)
    inputs = torch.randn(9, 5, dtype=torch.float64)
    assert torch.allclose(network(inputs), small(inputs), atol=1e-12)


@given(widths, st.integers(0, 999), types)
@settings(max_examples=40)
def test_what_was_narrowed_and_spread_again_is_the_masked_network(hidden: list[int], seed: int, kind: str) -> None:
    network = random_network(hidden, "sigmoid", seed, kind)
    layers = network.node_layers()
    kept = [torch.rand(layer.size) < 0.5 for layer in layers]
    zero_nodes(layers, kept, fold=False)
    small = deepcopy(network)
    narrow(small.node_layers(), kept)
    assert small.widths == [int(mask.sum()) for mask in kept]
    widen(small.node_layers(), [mask.nonzero().flatten() for mask in kept], hidden)
    assert all(torch.equal(value, small.state_dict()[name]) for name, value in network.state_dict().items())


def hold(network: FeedForward, kept: list[torch.Tensor]) -> None:
    for layer, mask in zip(network.node_layers(), kept, strict=True):
        hold_at_zero(layer, ~mask)


def test_the_optimiser_is_narrowed_with_the_weights() -> None:
    """Two updates of a network with a silent node are those of the network without it."""
    whole = random_network([6, 5], "relu", 3)
    kept = [torch.arange(6) != 2, torch.arange(5) != 4]
    inputs, labels = torch.randn(30, 5, dtype=torch.float64), torch.randint(0, 4, (30,))
    networks, optimisers = [whole, deepcopy(whole)], []
    for network in networks:
        zero_nodes(network.node_layers(), kept, fold=False)
        optimisers.append(torch.optim.AdamW(network.parameters(), lr=0.01))
    for update in range(3):
        for network, optimiser in zip(networks, optimisers, strict=True):
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy(network(inputs), labels).backward()
            optimiser.step()
        hold(whole, kept)
        if update == 0:
            hold(networks[1], kept)
            narrow(networks[1].node_layers(), kept, optimisers[1])
    assert networks[1].widths == [5, 4]
    assert torch.allclose(whole(inputs), networks[1](inputs), atol=1e-9)


@pytest.mark.parametrize("kind", ["sgd", "adam"])
def test_narrowing_leaves_a_recorded_graph_alone_and_moves_the_optimisers_state(kind: str) -> None:
    torch.manual_seed(0)
    network = FeedForward(5, (6, 4), 3)
    rule: Any = {"sgd": torch.optim.SGD, "adam": torch.optim.AdamW}[kind]
    optimiser = rule(network.parameters(), lr=0.1, **({"momentum": 0.9} if kind == "sgd" else {}))
    inputs = torch.randn(7, 5)
    network(inputs).square().sum().backward()
    optimiser.step()
    old = list(network.parameters())
    optimiser.zero_grad()
    loss = network(inputs).square().sum()
    expected = torch.autograd.grad(loss, old, retain_graph=True)
    kept = [torch.arange(size) % 2 == 0 for size in (6, 4)]
    state = {name: value.clone() for name, value in optimiser.state[old[0]].items() if torch.is_tensor(value)}
    narrow(network.node_layers(), kept, optimiser)
    loss.backward()
    assert all(torch.equal(parameter.grad, gradient) for parameter, gradient in zip(old, expected, strict=True))
    now = list(network.parameters())
    assert all(parameter.grad is None for parameter in now[:5])
    assert [id(p) for group in optimiser.param_groups for p in group["params"]] == [id(p) for p in now]
    assert set(optimiser.state) == set(now)
    for name, value in state.items():
        assert torch.equal(optimiser.state[now[0]][name], value[kept[0]] if value.dim() else value)
    network(inputs).square().sum().backward()
    optimiser.step()
    assert network.widths == [3, 2]
