"""Norms by which nodes to mask are ranked."""

from __future__ import annotations

import pytest
import torch

from asr_prune.acoustic.feed_forward import FeedForward
from asr_prune.pruning.scores import node_norms


@pytest.mark.parametrize("activation", ["relu", "sigmoid"])
def test_relu_nodes_are_measured_by_both_vectors(activation: str) -> None:
    torch.manual_seed(0)
    network = FeedForward(5, (4, 3), 6, activation).double()
    for level, found in enumerate(node_norms(network.node_layers())):
        for j, value in enumerate(found.tolist()):
            into = sum(w * w for w in network.affine[level].weight[j].tolist()) ** 0.5
            out = sum(row[j] ** 2 for row in network.affine[level + 1].weight.tolist()) ** 0.5
            assert value == pytest.approx(into * out if activation == "relu" else out)
