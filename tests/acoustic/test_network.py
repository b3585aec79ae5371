"""Shapes, normalisation, size and dropout of the network."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch

from asr_prune.acoustic.feed_forward import FeedForward
from asr_prune.acoustic.network import size_of


@pytest.mark.parametrize("activation", ["relu", "sigmoid"])
def test_the_forward_pass_is_its_loop(activation: str) -> None:
    torch.manual_seed(0)
    network = FeedForward(4, (3, 2), 5, activation).double()
    mean, deviation = torch.randn(4).double(), torch.rand(4).double() + 0.5
    network.set_normalisation(mean, deviation)
    frame = torch.randn(4, dtype=torch.float64)
    x = [(float(f) - float(m)) / float(d) for f, m, d in zip(frame, mean, deviation, strict=True)]
    for layer in network.affine:
        rows, biases = layer.weight.tolist(), layer.bias.tolist()
        x = [biases[j] + sum(w * v for w, v in zip(rows[j], x, strict=True)) for j in range(layer.out_features)]
        if layer is not network.output:
            x = [max(0.0, v) if activation == "relu" else 1 / (1 + math.exp(-v)) for v in x]
    assert network(frame[None])[0].tolist() == pytest.approx(x, abs=1e-10)


def test_layers_chain_and_widths_are_listed() -> None:
    network = FeedForward(4, (3, 2, 6), 5)
    assert network.widths == [3, 2, 6]
    assert [tuple(layer.weight.shape) for layer in network.affine] == [(3, 4), (2, 3), (6, 2), (5, 6)]
    layers = network.node_layers()
    assert [layer.size for layer in layers] == [3, 2, 6]
    assert all(a.outgoing is b.incoming for a, b in pairwise(layers))
    assert network(torch.zeros(7, 4)).shape == (7, 5)


def test_a_constant_input_is_normalised_to_a_number() -> None:
    network = FeedForward(2, (3,), 2)
    network.set_normalisation(torch.ones(2), torch.zeros(2))
    assert bool(torch.isfinite(network(torch.ones(1, 2))).all())


def test_node_norms_are_of_rows_and_columns() -> None:
    torch.manual_seed(1)
    layer = FeedForward(4, (3,), 5).node_layers()[0]
    for j in range(3):
        into = math.sqrt(sum(w**2 for w in layer.incoming.weight[j, :].tolist()))
        out = math.sqrt(sum(w**2 for w in layer.outgoing.weight[:, j].tolist()))
        assert float(layer.norms("incoming")[j]) == pytest.approx(into, rel=1e-6)
        assert float(layer.norms("outgoing")[j]) == pytest.approx(out, rel=1e-6)
        assert float(layer.norms("product")[j]) == pytest.approx(into * out, rel=1e-6)


def test_size_is_the_hand_count() -> None:
    network = FeedForward(4, (3, 2), 5)
    with torch.no_grad():
        network.affine[0].weight[1] = 0
    size = size_of(network)
    assert size.nodes == [3, 2]
    assert size.macs == 4 * 3 + 3 * 2 + 2 * 5 == 28
    assert size.params == 28 + 3 + 2 + 5
    assert size.nonzero == 28 - 4


def test_dropout_acts_in_training_alone() -> None:
    torch.manual_seed(2)
    network, inputs = FeedForward(4, (30,), 5, dropout=0.5), torch.randn(8, 4)
    network.train()
    assert not torch.equal(network(inputs), network(inputs))
    network.eval()
    assert torch.equal(network(inputs), network(inputs))
    network.train()
    network.dropouts = [0.0]
    assert torch.equal(network(inputs), network.eval()(inputs))


def test_each_layer_has_its_own_dropout() -> None:
    """Identity layers over an input of ones show what each layer let through."""
    network = FeedForward(2000, (2000, 2000), 2000)
    with torch.no_grad():
        for layer in network.affine:
            layer.weight.copy_(torch.eye(2000))
    network.train()
    torch.manual_seed(4)
    shares = []
    for rates in ([0.25, 0.0], [0.0, 0.6], [0.5, 0.5]):
        network.dropouts = rates
        out = network(torch.ones(1, 2000))
        shares.append(float((out == 0).float().mean()))
        survivor = 1 / ((1 - rates[0]) * (1 - rates[1]))
        assert torch.allclose(out[out != 0], torch.tensor(survivor))
    assert shares == pytest.approx([0.25, 0.6, 0.75], abs=0.05)
