"""Rescaling holds a norm down and leaves the function alone."""

from __future__ import annotations

import pytest
import torch

from asr_prune.acoustic.feed_forward import FeedForward
from asr_prune.pruning.prox import hold_down


@pytest.mark.parametrize("side", ["incoming", "outgoing"])
def test_what_outgrew_its_norm_is_scaled_down_and_the_network_computes_the_same(side: str) -> None:
    torch.manual_seed(0)
    network = FeedForward(5, (6,), 3).double()
    inputs = torch.randn(20, 5, dtype=torch.float64)
    before, layers = network(inputs), network.node_layers()
    norms = layers[0].norms(side)
    allowed = norms * torch.tensor([0.1, 0.7, 0.9, 1.0, 1.2, 3.0])
    for _ in range(5):
        hold_down(layers, side, [allowed])
    assert torch.allclose(network(inputs), before, atol=1e-12)
    assert torch.allclose(layers[0].norms(side), torch.minimum(norms, allowed), rtol=1e-9)


def test_deep_networks_compute_the_same() -> None:
    torch.manual_seed(0)
    network = FeedForward(5, (6, 4, 7), 3).double()
    inputs = torch.randn(20, 5, dtype=torch.float64)
    before, layers = network(inputs), network.node_layers()
    hold_down(layers, "incoming", [0.8 * layer.norms("incoming") for layer in layers])
    assert torch.allclose(network(inputs), before, atol=1e-12)


def test_sigmoid_layers_and_zero_vectors_stay() -> None:
    sigmoid = FeedForward(5, (6,), 3, "sigmoid")
    before = sigmoid.affine[0].weight.clone()
    hold_down(sigmoid.node_layers(), "incoming", [torch.full((6,), 0.01)])
    assert torch.equal(sigmoid.affine[0].weight, before)
    relu = FeedForward(5, (6,), 3)
    with torch.no_grad():
        relu.affine[0].weight[2] = 0
    hold_down(relu.node_layers(), "incoming", [torch.zeros(6)])
    assert relu.affine[0].weight[2].count_nonzero() == 0
    assert bool(torch.isfinite(relu.affine[1].weight).all())
