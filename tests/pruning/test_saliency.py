"""Taylor and Fisher scores against a gate that is moved by hand."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from asr_prune.acoustic.feed_forward import FeedForward
from asr_prune.pruning.nodes import Nodes
from asr_prune.pruning.options import PruneOptions
from asr_prune.pruning.saliency import LossKind, LossScore, gate_slopes

from .test_batches import Calls


def _loss(network: FeedForward, frames: Tensor, labels: Tensor) -> Tensor:
    return cross_entropy(network(frames), labels)


def _backward(network: FeedForward, frames: Tensor, labels: Tensor) -> None:
    network.zero_grad()
    _loss(network, frames, labels).backward()


def _moved_gate(network: FeedForward, batch: tuple[Tensor, Tensor], level: int, j: int) -> float:
    """The slope by central differences of the loss by a gate on node j of layer `level`."""
    column = network.node_layers()[level].outgoing.weight.data[..., j]
    whole, losses = column.clone(), []
    for gate in (1 + 1e-5, 1 - 1e-5):
        column.copy_(gate * whole)
        losses.append(float(_loss(network, *batch).detach()))
    column.copy_(whole)
    return (losses[0] - losses[1]) / 2e-5


def _batches(count: int) -> list[tuple[Tensor, Tensor]]:
    torch.manual_seed(1)
    return [(torch.randn(9, 5).double(), torch.randint(6, (9,))) for _ in range(count)]


def _network(activation: str) -> FeedForward:
    torch.manual_seed(0)
    return FeedForward(5, (4, 3), 6, activation).double()


@pytest.mark.parametrize("activation", ["relu", "sigmoid"])
def test_the_slope_is_that_of_a_gate_on_the_node(activation: str) -> None:
    network, (batch,) = _network(activation), _batches(1)
    _backward(network, *batch)
    for level, layer in enumerate(network.node_layers()):
        by_hand = [_moved_gate(network, batch, level, j) for j in range(layer.size)]
        assert gate_slopes(layer).tolist() == pytest.approx(by_hand, abs=1e-8)


@pytest.mark.parametrize("kind", ["taylor", "fisher"])
def test_scores_are_means_over_mini_batches(kind: LossKind) -> None:
    network = _network("relu")
    score = LossScore(Nodes(network.node_layers(), PruneOptions(min_nodes=1)), kind, window=3)
    assert [s.tolist() for s in score.scores()] == [[1.0] * 4, [1.0] * 3]
    wanted = [[0.0] * 4, [0.0] * 3]
    for seen, batch in enumerate(_batches(5), 1):
        _backward(network, *batch)
        score.after_backward()
        for level, values in enumerate(wanted):
            for j, value in enumerate(values):
                slope = abs(_moved_gate(network, batch, level, j))
                latest = slope if kind == "taylor" else slope**2
                values[j] = value + (latest - value) / min(seen, 3)
    for found, values in zip(score.scores(), wanted, strict=True):
        assert found.tolist() == pytest.approx(values, rel=1e-5, abs=1e-10)


@pytest.mark.parametrize("kind", ["taylor", "fisher"])
def test_means_of_all_layers_move_at_once_to_the_same_bits(kind: LossKind) -> None:
    """Two calls of torch for all layers beside those that make a layer's slopes."""
    torch.manual_seed(0)
    network, before = FeedForward(5, (4, 3, 7, 2), 6), [torch.ones(n) for n in (4, 3, 7, 2)]
    score = LossScore(Nodes(network.node_layers(), PruneOptions(min_nodes=1)), kind, window=3)
    for seen, (frames, labels) in enumerate(_batches(5), 1):
        _backward(network, frames.float(), labels)
        with Calls() as slopes:
            found = [gate_slopes(layer) for layer in network.node_layers()]
        with Calls() as calls:
            score.after_backward()
        assert calls.count == slopes.count + 2
        for mean, slope in zip(before, found, strict=True):
            mean.lerp_(slope.abs() if kind == "taylor" else slope.square(), 1 / min(seen, 3))
        assert all(torch.equal(a, b) for a, b in zip(score.scores(), before, strict=True))


def test_removed_nodes_leave_and_a_resumed_score_goes_on() -> None:
    network, batches = _network("relu"), _batches(2)
    nodes = Nodes(network.node_layers(), PruneOptions(min_nodes=1))
    score, again = LossScore(nodes, "fisher"), LossScore(nodes, "fisher")
    _backward(network, *batches[0])
    score.after_backward()
    again.load_state_dict(deepcopy(score.state_dict()))
    _backward(network, *batches[1])
    score.after_backward()
    again.after_backward()
    assert all(torch.equal(a, b) for a, b in zip(score.scores(), again.scores(), strict=True))
    kept = [torch.tensor([True, False, True, True]), torch.tensor([False, True, True])]
    before = score.scores()
    score.narrow(kept)
    assert all(torch.equal(a, b[m]) for a, b, m in zip(score.scores(), before, kept, strict=True))


def test_a_node_that_does_nothing_is_worth_nothing() -> None:
    network, (batch,) = _network("relu"), _batches(1)
    network.affine[0].bias.data[2] = -1e6
    score = LossScore(Nodes(network.node_layers(), PruneOptions(min_nodes=1)), "taylor")
    _backward(network, *batch)
    score.after_backward()
    assert float(score.scores()[0][2]) == 0
    assert not bool(score.alive()[0][2])
