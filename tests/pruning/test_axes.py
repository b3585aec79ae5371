"""Linear nodes in other axes: the same function, and the first nodes are worth the most."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn, optim

from asr_prune.acoustic.architectures import make
from asr_prune.acoustic.factored import TdnnF
from asr_prune.acoustic.graph_network import GraphNetwork
from asr_prune.acoustic.network import Network
from asr_prune.acoustic.node_layer import NodeLayer, unchanged
from asr_prune.acoustic.options import NetworkOptions
from asr_prune.pruning.axes import axes, turn_axes
from tests.nnet3.conftest import tdnnf_model


def drawn(seed: int, nodes: int, rows: int) -> tuple[Tensor, Tensor]:
    """Frames of nodes with a mean, [frames, nodes], and a map that reads them, [rows, taps, nodes]."""
    generator = torch.Generator().manual_seed(seed)
    mixed = torch.randn(nodes, nodes, generator=generator, dtype=torch.float64)
    frames = torch.randn(200, nodes, generator=generator, dtype=torch.float64) @ mixed + 0.3
    return frames, torch.randn(rows, 2, nodes, generator=generator, dtype=torch.float64)


@given(st.integers(0, 999), st.integers(1, 6), st.integers(3, 7))
@settings(max_examples=40, deadline=None)
def test_axes_are_those_of_the_formula(seed: int, nodes: int, rows: int) -> None:
    frames, weight = drawn(seed, nodes, rows)
    there, back = axes(frames.T @ frames / len(frames), weight)
    assert torch.allclose(there @ back, torch.eye(nodes).double(), atol=1e-8)
    turned, columns = frames @ there.T, (weight @ back).flatten(0, 1)
    worth = columns.square().sum(0)
    assert torch.allclose(turned.T @ turned / len(frames), worth.diag(), atol=1e-6 * float(worth[0]))
    assert bool((worth.diff() <= 1e-9 * worth[0]).all())


@given(st.integers(0, 999), st.integers(2, 6), st.integers(3, 7))
@settings(max_examples=40, deadline=None)
def test_the_first_nodes_lose_as_little_as_any_rank(seed: int, nodes: int, rows: int) -> None:
    """Eckart and Young 1936: the tail of the singular values of all products that are read."""
    frames, weight = drawn(seed, nodes, rows)
    there, back = axes(frames.T @ frames / len(frames), weight)
    flat = weight.flatten(0, 1)
    least = torch.linalg.svdvals(frames @ flat.T).square()
    for rank in range(nodes):
        cut = frames @ there[:rank].T @ (flat @ back[:, :rank]).T
        lost = (frames @ flat.T - cut).square().sum()
        assert torch.allclose(lost, least[rank:nodes].sum(), rtol=1e-6)


def tdnnf_network() -> tuple[Network, Tensor]:
    torch.manual_seed(2)
    options = NetworkOptions(type="tdnnf", hidden=(8, 5, 4), context=((0,), (-1, 0, 1), (-1, 0, 1)), strides=(1,))
    network = make(options, 3, 4).double().eval()
    for name, values in network.named_parameters():
        if "bias" in name:
            nn.init.uniform_(values, -0.5, 0.5)
    return network, torch.randn(60, 3, dtype=torch.float64)


def imported() -> tuple[Network, Tensor]:
    network = GraphNetwork.of(tdnnf_model(0, layers=3), 3, "a test").double()
    return network, torch.randn(60, network.inputs, dtype=torch.float64)


@pytest.mark.parametrize("kind", ["own", "imported"])
def test_the_function_stays_and_the_first_nodes_matter_most(kind: str) -> None:
    network, frames = tdnnf_network() if kind == "own" else imported()
    layers, before = network.node_layers(), network(frames).detach()
    linear = [layer for layer in layers if layer.linear]
    assert linear
    turn_axes(layers, optim.SGD(network.parameters(), 0.1), lambda: network(frames))
    assert torch.allclose(network(frames), before, atol=1e-9 * float(before.abs().max()))
    for layer in linear:
        norms = layer.norms("outgoing")
        assert bool((norms.diff() <= 1e-9).all())


class TwoMaps(nn.Module):
    """Two maps in sequence, and what they learn."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.first, self.second = nn.Linear(4, 3).double(), nn.Linear(3, 2).double()
        self.frames, self.wanted = torch.randn(30, 4).double(), torch.randn(30, 2).double()

    def outputs(self) -> Tensor:
        return self.second(self.first(self.frames))

    def step(self, optimiser: optim.Optimizer) -> None:
        optimiser.zero_grad()
        (self.outputs() - self.wanted).square().mean().backward()
        optimiser.step()


def test_momentum_is_that_of_the_turned_nodes() -> None:
    model = TwoMaps()
    optimiser = optim.SGD(model.parameters(), 1e-6, momentum=0.9)
    for _ in range(3):
        model.step(optimiser)
    moments = {name: optimiser.state[p]["momentum_buffer"].clone() for name, p in model.named_parameters()}
    layer = NodeLayer(model.first, model.second, unchanged)
    there, back = axes(_moment(model), model.second.weight.detach())
    turn_axes([layer], optimiser, model.outputs)
    turned = {name: optimiser.state[p]["momentum_buffer"] for name, p in model.named_parameters()}
    assert torch.allclose(turned["first.weight"], back.T @ moments["first.weight"])
    assert torch.allclose(turned["first.bias"], back.T @ moments["first.bias"])
    assert torch.allclose(turned["second.weight"], moments["second.weight"] @ there.T)


def test_adam_remembers_what_independent_slopes_would_give() -> None:
    model = TwoMaps()
    optimiser = optim.Adam(model.parameters(), 1e-3)
    model.step(optimiser)
    first, second = (optimiser.state[model.first.weight][name].clone() for name in ("exp_avg", "exp_avg_sq"))
    _, back = axes(_moment(model), model.second.weight.detach())
    turn_axes([NodeLayer(model.first, model.second, unchanged)], optimiser, model.outputs)
    state = optimiser.state[model.first.weight]
    assert torch.allclose(state["exp_avg"], back.T @ first)
    assert torch.allclose(state["exp_avg_sq"], back.T.square() @ second)


def _moment(model: TwoMaps) -> Tensor:
    with torch.no_grad():
        nodes = model.first(model.frames)
    return nodes.T @ nodes / len(nodes)


def test_only_linear_layers_are_turned() -> None:
    network = make(NetworkOptions(hidden=(6, 6)), 5, 3)
    weights = {name: value.clone() for name, value in network.state_dict().items()}
    turn_axes(network.node_layers(), optim.SGD(network.parameters(), 0.1), lambda: pytest.fail("nothing to look at"))
    assert all(torch.equal(value, weights[name]) for name, value in network.state_dict().items())


def test_a_turned_bottleneck_is_no_longer_kept_semi_orthogonal() -> None:
    network, frames = tdnnf_network()
    assert isinstance(network, TdnnF)
    turn_axes(network.node_layers(), optim.SGD(network.parameters(), 0.1), lambda: network(frames))
    for layer in network.node_layers():
        layer.release()
    before = network(frames)
    network.constrain(4)
    assert torch.equal(network(frames), before)
