"""What a gate is worth, estimated, against switching it on and off."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from asr_prune.acoustic.architectures import make
from asr_prune.acoustic.factored import TdnnF
from asr_prune.acoustic.network import Network
from asr_prune.acoustic.options import NetworkOptions
from asr_prune.pruning.methods.complexity.saliency import Saliency, _of_frames

FRAMES = 300


def trained(kind: str) -> tuple[Network, Tensor, Tensor]:
    """A small network that has learned what there is to learn of its frames, a quarter of whose labels are noise."""
    torch.manual_seed(4)
    network = make(NetworkOptions(type=kind, hidden=(5, 4), dropout=0.0, stream=6), 3, 3).double()  # type: ignore[arg-type]
    inputs = torch.randn(FRAMES, 3, dtype=torch.float64)
    labels = (inputs[:, 0] * inputs[:, 1] > 0).long() + (inputs[:, 2] > 0.5).long()
    labels = torch.where(torch.rand(FRAMES) < 0.25, torch.randint(0, 3, (FRAMES,)), labels)
    optimiser = torch.optim.Adam(network.parameters(), 0.02)
    for _ in range(400):
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(network(inputs), labels).backward()
        optimiser.step()
    return network, inputs, labels


def losses(network: Network, inputs: Tensor, labels: Tensor, gates: list[Tensor]) -> Tensor:
    """Cross-entropy of each frame when the nodes' outputs are multiplied by gates."""
    own = [layer.outgoing.weight.data for layer in network.node_layers()]
    for layer, gate in zip(network.node_layers(), gates, strict=True):
        layer.outgoing.weight.data = layer.outgoing.weight.data * gate
    found = torch.nn.functional.cross_entropy(network(inputs), labels, reduction="none").detach()
    for layer, data in zip(network.node_layers(), own, strict=True):
        layer.outgoing.weight.data = data
    return found


def estimated(network: Network, inputs: Tensor, labels: Tensor, gates: list[Tensor]) -> Saliency:
    worth = Saliency(network.node_layers())
    own = [layer.outgoing.weight.data for layer in network.node_layers()]
    for layer, gate in zip(network.node_layers(), gates, strict=True):
        layer.outgoing.weight.data = layer.outgoing.weight.data * gate
    network.zero_grad()
    with worth.watching(gates):
        torch.nn.functional.cross_entropy(network(inputs), labels).backward()
    for layer, data in zip(network.node_layers(), own, strict=True):
        layer.outgoing.weight.data = data
    worth.chain(gates)
    return worth


def with_gate(gates: list[Tensor], level: int, node: int, value: float) -> list[Tensor]:
    changed = [gate.clone() for gate in gates]
    changed[level][node] = value
    return changed


def some_gates() -> list[Tensor]:
    return [torch.tensor([1.0, 1, 0, 1, 1]).double(), torch.tensor([1.0, 0, 1, 1]).double()]


@pytest.mark.parametrize("kind", ["feed_forward", "residual"])
def test_derivatives_are_those_of_a_slow_loop(kind: str) -> None:
    network, inputs, labels = trained(kind)
    gates, step = some_gates(), 1e-5
    worth = estimated(network, inputs, labels, gates)
    for level, gate in enumerate(gates):
        for node, value in enumerate(gate.tolist()):
            up = losses(network, inputs, labels, with_gate(gates, level, node, value + step))
            down = losses(network, inputs, labels, with_gate(gates, level, node, value - step))
            by_frame = (up - down) / (2 * step)
            assert float(worth.nodes[level][node]) == pytest.approx(float(by_frame.mean()), rel=1e-5, abs=1e-7)
            if value:
                square = float(by_frame.square().mean())
                assert float(worth.nodes_second[level][node]) == pytest.approx(square, rel=1e-4, abs=1e-9)


def test_a_layers_derivatives_are_those_of_all_its_gates_at_once() -> None:
    network, inputs, labels = trained("residual")
    gates, step = some_gates(), 1e-5
    worth = estimated(network, inputs, labels, gates)
    first = worth.of_layers(gates, torch.ones(2), second=False)
    for level in range(2):
        scaled = [[g * (1 + s) if i == level else g for i, g in enumerate(gates)] for s in (step, -step)]
        up, down = (losses(network, inputs, labels, gate) for gate in scaled)
        by_frame = (up - down) / (2 * step)
        assert float(first[level]) == pytest.approx(float(by_frame.mean()), rel=1e-5, abs=1e-7)
        assert float(worth.layers_second[level]) == pytest.approx(float(by_frame.square().mean()), rel=1e-4)


@pytest.mark.parametrize("kind", ["feed_forward", "residual"])
def test_against_enumeration_the_first_order_is_blind_and_the_second_is_not(kind: str) -> None:
    """All gates on, the network trained: the first order sees next to nothing of what switching off would cost."""
    network, inputs, labels = trained(kind)
    gates = [torch.ones(5).double(), torch.ones(4).double()]
    worth = estimated(network, inputs, labels, gates)
    told = {second: torch.cat(worth.of_nodes(gates, torch.ones(2), second)) for second in (False, True)}
    on = losses(network, inputs, labels, gates).mean()
    exact = torch.stack(
        [
            on - losses(network, inputs, labels, with_gate(gates, level, node, 0.0)).mean()
            for level, gate in enumerate(gates)
            for node in range(len(gate))
        ]
    )
    assert exact.sum() < -1
    assert told[False].sum() > 0.1 * exact.sum()
    apart = {second: float((values - exact).abs().sum()) for second, values in told.items()}
    assert apart[True] < 0.9 * apart[False]
    ranks = [values.argsort().argsort().double() for values in (told[True], exact)]
    assert float(torch.corrcoef(torch.stack(ranks))[0, 1]) > 0.5


def test_gradients_become_those_of_the_weights_that_are_trained() -> None:
    network, inputs, labels = trained("feed_forward")
    gates = some_gates()
    estimated(network, inputs, labels, gates)
    for layer, gate in zip(network.node_layers(), gates, strict=True):
        assert not layer.outgoing.weight.grad[:, gate == 0].any()
        assert not layer.incoming.weight.grad[gate == 0].any()


def test_parts_of_a_frame_from_all_uses_of_a_layer_are_added_before_they_are_squared() -> None:
    """The first layer of a TDNN-F stands in all its layers; without context frames are told apart."""
    torch.manual_seed(5)
    network = TdnnF(3, (6, 4, 3), 3).double().eval()
    inputs, labels = torch.randn(50, 3, dtype=torch.float64), torch.randint(0, 3, (50,))
    gates = [torch.ones(layer.size).double() for layer in network.node_layers()]
    worth, step = estimated(network, inputs, labels, gates), 1e-5
    for level, gate in enumerate(gates):
        for node in range(len(gate)):
            changed = [with_gate(gates, level, node, 1 + s) for s in (step, -step)]
            up, down = (losses(network, inputs, labels, each) for each in changed)
            square = float(((up - down) / (2 * step)).square().mean())
            assert float(worth.nodes_second[level][node]) == pytest.approx(square, rel=1e-4, abs=1e-9)


def test_with_strides_the_fewest_frames_take_the_others_at_their_places() -> None:
    many, few = torch.arange(6.0)[:, None], torch.ones(2, 1)
    assert _of_frames([many, few]).flatten().tolist() == [0 + 1 + 2 + 1, 3 + 4 + 5 + 1]
