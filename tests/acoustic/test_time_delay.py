"""The time-delay network against a slow loop, and utterances that do not hear each other."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from asr_prune.acoustic.architectures import from_shape, make
from asr_prune.acoustic.network import Network, size_of
from asr_prune.acoustic.options import NetworkOptions
from asr_prune.acoustic.time_delay import Tdnn, TimeDelay

TAPS = ((0,), (-2, 0, 1), (-1, 3))
STRIDES = (1, 2, 3)


def network_of(seed: int = 1, activation: str = "relu") -> Network:
    torch.manual_seed(seed)
    options = NetworkOptions(
        type="tdnn",
        hidden=(5, 4, 6),
        context=TAPS,
        strides=STRIDES,
        activation=activation,  # type: ignore[arg-type]
    )
    return make(options, 3, 2).double().eval()


def by_loop(network: Network, frames: Tensor) -> Tensor:
    """One utterance, one frame and one tap at a time."""
    x = frames
    for layer, taps, stride in zip(network.affine, (*TAPS, (0,)), (*STRIDES, 1), strict=True):
        rows = []
        for t in range(0, len(x), stride):
            total = layer.bias.clone()
            for k, tap in enumerate(taps):
                total = total + layer.weight[:, k] @ x[min(max(t + tap, 0), len(x) - 1)]
            rows.append(total if layer is network.affine[-1] else torch.relu(total))
        x = torch.stack(rows)
    return x


@given(st.lists(st.integers(1, 15), min_size=1, max_size=4), st.integers(0, 99))
@settings(max_examples=25)
def test_utterances_together_are_each_what_a_slow_loop_makes_of_it(lengths: list[int], seed: int) -> None:
    network = network_of(seed)
    frames = torch.randn(sum(lengths), 3, dtype=torch.float64)
    logits, shorter = network.forward_utterances(frames, torch.tensor(lengths))
    assert shorter.tolist() == [math.ceil(math.ceil(n / 2) / 3) for n in lengths]
    for own, found in zip(frames.split(lengths), logits.split(shorter.tolist()), strict=True):
        assert torch.allclose(found, by_loop(network, own), atol=1e-12)
        assert torch.allclose(network(own), found, atol=1e-12)


def test_a_network_comes_back_from_its_shape() -> None:
    network = network_of()
    again = from_shape(network.shape()).double()
    again.load_state_dict(network.state_dict())
    frames = torch.randn(20, 3, dtype=torch.float64)
    assert torch.equal(again(frames), network(frames))


def test_size_counts_taps_and_how_often_a_layer_is_evaluated() -> None:
    size = size_of(network_of())
    weights = [5 * 3, 4 * 3 * 5, 6 * 2 * 4, 2 * 6]
    assert size.nodes == [5, 4, 6]
    assert size.params == sum(weights) + 5 + 4 + 6 + 2
    assert size.macs == round(weights[0] + weights[1] / 2 + weights[2] / 6 + weights[3] / 6)


def test_the_last_taps_and_stride_are_those_of_the_layers_after_them() -> None:
    network = Tdnn(3, (4, 4, 4, 4), 2, taps=((0,), (-1, 1)), strides=(1, 2, 1))
    assert network.taps == [(0,), (-1, 1), (-1, 1), (-1, 1)]
    assert network.strides == [1, 2, 1, 1]


def test_weights_are_drawn_for_all_that_a_row_hears() -> None:
    torch.manual_seed(0)
    network = Tdnn(3, (200, 200), 2, taps=((0,), (-1, 0, 1)))
    hidden = network.affine[1]
    assert float(hidden.weight.detach().std()) == pytest.approx((2 / 600) ** 0.5, rel=0.05)


def test_norms_are_over_all_taps() -> None:
    layer = network_of().node_layers()[0]
    assert isinstance(layer.outgoing, TimeDelay)
    for j in range(layer.size):
        out = sum(tap[j] ** 2 for row in layer.outgoing.weight.tolist() for tap in row) ** 0.5
        assert float(layer.norms("outgoing")[j]) == pytest.approx(out)


@pytest.mark.parametrize("bad", [{"context": ()}, {"context": ((0,), ())}, {"strides": ()}, {"strides": (1, 0)}])
def test_impossible_context_and_strides_are_refused(bad: dict[str, tuple[int, ...]]) -> None:
    with pytest.raises(ValueError, match=r"context must list at least one frame for each layer, and strides"):
        NetworkOptions(type="tdnn", **bad)  # type: ignore[arg-type]


def test_the_stride_is_that_of_all_layers_together() -> None:
    options = NetworkOptions(type="tdnn", hidden=(5, 4, 6), strides=(2, 3))
    assert options.stride == make(options, 3, 2).stride == 18
    assert NetworkOptions(strides=(2, 3)).stride == make(NetworkOptions(hidden=(4,), strides=(2,)), 3, 2).stride == 1
