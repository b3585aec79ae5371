"""Norms by which nodes to mask are ranked."""

from __future__ import annotations

import pytest
import torch

from asr_prune.acoustic.feed_forward import FeedForward
from asr_prune.pruning.nodes import Nodes
from asr_prune.pruning.options import PruneOptions
from asr_prune.pruning.scores import PenalisedScore, node_norms, over_mean


@pytest.mark.parametrize("activation", ["relu", "sigmoid"])
def test_relu_nodes_are_measured_by_both_vectors(activation: str) -> None:
    torch.manual_seed(0)
    network = FeedForward(5, (4, 3), 6, activation).double()
    for level, found in enumerate(node_norms(network.node_layers())):
        for j, value in enumerate(found.tolist()):
            into = sum(w * w for w in network.affine[level].weight[j].tolist()) ** 0.5
            out = sum(row[j] ** 2 for row in network.affine[level + 1].weight.tolist()) ** 0.5
            assert value == pytest.approx(into * out if activation == "relu" else out)


def test_with_a_tolerance_small_norms_count_as_zero_and_without_it_only_zeros() -> None:
    network = FeedForward(3, (4,), 2)
    with torch.no_grad():
        network.affine[1].weight.copy_(torch.tensor([[1.0, 0.09, 0.11, 0.0], [0.0] * 4]))
    nodes = Nodes(network.node_layers(), PruneOptions(min_nodes=1))
    (alive,) = PenalisedScore(nodes, "outgoing", 0.1).alive()
    assert alive.tolist() == [True, False, True, False]
    (alive,) = PenalisedScore(nodes, "outgoing").alive()
    assert alive.tolist() == [True, True, True, False]


def test_what_the_last_step_brought_to_zero_stays_so_in_the_noise_between_steps() -> None:
    network = FeedForward(3, (4,), 2)
    score = PenalisedScore(Nodes(network.node_layers(), PruneOptions(min_nodes=1)), "outgoing")
    score.roots = [torch.tensor([1.0, 0.0, 0.5, 0.0])]
    assert score.alive()[0].tolist() == [True, False, True, False]


def test_the_mean_is_of_the_living() -> None:
    scores, living = torch.tensor([2.0, 6.0, 0.0]), torch.tensor([True, True, False])
    assert over_mean(scores, living).tolist() == [0.5, 1.5, 0.0]
    assert over_mean(scores).tolist() == pytest.approx([0.75, 2.25, 0.0])
    assert over_mean(torch.zeros(3)).tolist() == [0.0, 0.0, 0.0]
