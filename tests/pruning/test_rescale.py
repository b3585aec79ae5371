"""Rescaling holds a norm and leaves the function alone."""

from __future__ import annotations

import pytest
import torch

from asr_prune.acoustic.network import FeedForward
from asr_prune.pruning.rescale import hold_norms


@pytest.mark.parametrize("held", ["incoming", "outgoing"])
def test_a_relu_network_computes_the_same_at_the_norms_held(held: str) -> None:
    torch.manual_seed(0)
    network = FeedForward(5, (6, 4), 3).double()
    inputs = torch.randn(20, 5, dtype=torch.float64)
    before = network(inputs)
    layers = network.node_layers()
    wanted = [layer.norms(held) * (1 + 0.3 * torch.rand(layer.size)) for layer in layers]
    for _ in range(60):
        hold_norms(layers, held, wanted)
    assert torch.allclose(network(inputs), before, atol=1e-12)
    for layer, norms in zip(layers, wanted, strict=True):
        assert torch.allclose(layer.norms(held), norms, rtol=1e-6)


def test_sigmoid_layers_and_zero_vectors_stay() -> None:
    sigmoid = FeedForward(5, (6,), 3, "sigmoid")
    before = sigmoid.affine[0].weight.clone()
    hold_norms(sigmoid.node_layers(), "incoming", [torch.ones(6)])
    assert torch.equal(sigmoid.affine[0].weight, before)
    relu = FeedForward(5, (6,), 3)
    with torch.no_grad():
        relu.affine[0].weight[2] = 0
    hold_norms(relu.node_layers(), "incoming", [torch.ones(6)])
    assert relu.affine[0].weight[2].count_nonzero() == 0
    assert bool(torch.isfinite(relu.affine[1].weight).all())
