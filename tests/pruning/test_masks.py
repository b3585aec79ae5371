"""Masks of the largest against sorting."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from asr_prune.acoustic.feed_forward import FeedForward
from asr_prune.pruning.masks import largest, node_norms, weights_of

Values = st.lists(st.lists(st.sampled_from([0.0, 0.5, 1.0, 2.0, 3.5]), min_size=1, max_size=12), min_size=1, max_size=4)


@given(Values, st.floats(0, 1))
def test_exactly_the_largest_and_ties_to_the_earlier(values: list[list[float]], share: float) -> None:
    flat = [value for layer in values for value in layer]
    count = round(share * len(flat))
    found = largest([torch.tensor(layer) for layer in values], count)
    chosen = set(sorted(range(len(flat)), key=lambda i: (-flat[i], i))[:count])
    assert torch.cat(found).tolist() == [i in chosen for i in range(len(flat))]
    assert [len(mask) for mask in found] == [len(layer) for layer in values]


def test_masks_have_the_shapes_of_the_values() -> None:
    masks = largest([torch.rand(3, 4), torch.rand(2, 5)], 7)
    assert [mask.shape for mask in masks] == [(3, 4), (2, 5)]
    assert sum(int(mask.sum()) for mask in masks) == 7


@pytest.mark.parametrize("activation", ["relu", "sigmoid"])
def test_relu_nodes_are_measured_by_both_vectors(activation: str) -> None:
    torch.manual_seed(0)
    network = FeedForward(5, (4, 3), 6, activation).double()
    for level, found in enumerate(node_norms(network.node_layers())):
        for j, value in enumerate(found.tolist()):
            into = sum(w * w for w in network.affine[level].weight[j].tolist()) ** 0.5
            out = sum(row[j] ** 2 for row in network.affine[level + 1].weight.tolist()) ** 0.5
            assert value == pytest.approx(into * out if activation == "relu" else out)


def test_the_output_layer_is_left_out_or_not() -> None:
    network = FeedForward(5, (4, 3), 6)
    with_output = weights_of(network.node_layers(), output=True)
    assert [w is layer.weight for w, layer in zip(with_output, network.affine, strict=True)] == [True] * 3
    assert len(weights_of(network.node_layers(), output=False)) == 2
