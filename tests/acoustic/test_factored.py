"""The factored time-delay network against a slow loop, and its constraint."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from asr_prune.acoustic.architectures import from_shape, make
from asr_prune.acoustic.factored import BatchNorm, TdnnF
from asr_prune.acoustic.network import size_of
from asr_prune.acoustic.options import NetworkOptions
from asr_prune.acoustic.semi_orthogonal import make_semi_orthogonal

TAPS, STRIDES = ((-1, 0), (-2, 0, 1), (-1, 3)), (1, 2, 1)


def network_of(seed: int = 1) -> TdnnF:
    torch.manual_seed(seed)
    options = NetworkOptions(type="tdnnf", hidden=(6, 4, 3), context=TAPS, strides=STRIDES, bypass=0.5)
    network = make(options, 3, 2).double().eval()
    assert isinstance(network, TdnnF)
    for name, values in network.named_parameters():
        if "norms" in name or "gates" in name or "bias" in name:
            torch.nn.init.uniform_(values, 0.5, 1.5)
    return network


def added(network: TdnnF, layer: int, x: Tensor) -> Tensor:
    norm = network.norms[layer]
    assert isinstance(norm, BatchNorm)
    gate = network.gates[0].weight.flatten() * network.gates[1].weight.flatten()
    return (torch.relu(x) - norm.mean) / (norm.variance + 1e-3).sqrt() * gate


def by_loop(network: TdnnF, frames: Tensor) -> Tensor:
    """One utterance, one frame and one tap at a time."""

    def mapped(layer: torch.nn.Linear, taps: tuple[int, ...], x: Tensor, stride: int = 1) -> Tensor:
        rows = []
        for t in range(0, len(x), stride):
            places = [min(max(t + tap, 0), len(x) - 1) for tap in taps]
            rows.append(layer.bias + sum(layer.weight[:, k] @ x[place] for k, place in enumerate(places)))
        return torch.stack(rows)

    h = added(network, 0, mapped(network.input, (-1, 0), frames))
    parts = [((-2, 0), (0, 1), 2), ((-1,), (3,), 1)]
    for i, ((first, second), (before, after, stride)) in enumerate(zip(network.pairs, parts, strict=True), 1):
        y = mapped(second, after, mapped(first, before, h, stride))
        h = 0.5 * h[::stride] + added(network, i, y)
    return mapped(network.output, (0,), h)


@given(st.lists(st.integers(1, 15), min_size=1, max_size=4), st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_utterances_together_are_each_what_a_slow_loop_makes_of_it(lengths: list[int], seed: int) -> None:
    network = network_of(seed)
    frames = torch.randn(sum(lengths), 3, dtype=torch.float64)
    logits, shorter = network.forward_utterances(frames, torch.tensor(lengths))
    assert shorter.tolist() == [-(-n // 2) for n in lengths]
    for own, found in zip(frames.split(lengths), logits.split(shorter.tolist()), strict=True):
        assert torch.allclose(found, by_loop(network, own), atol=1e-12)


def test_a_network_comes_back_from_its_shape() -> None:
    network = network_of()
    again = from_shape(network.shape()).double().eval()
    again.load_state_dict(network.state_dict())
    frames = torch.randn(20, 3, dtype=torch.float64)
    assert torch.equal(again(frames), network(frames))


def test_size_counts_maps_by_how_often_they_are_evaluated() -> None:
    size = size_of(network_of())
    weights = [6 * 2 * 3, 4 * 2 * 6, 6 * 2 * 4, 3 * 6, 6 * 3, 2 * 6]
    assert size.nodes == [6, 4, 3]
    assert size.params == sum(weights) + 6 + 4 + 6 + 3 + 6 + 2
    assert size.macs == weights[0] + sum(weights[1:]) / 2


@pytest.mark.parametrize("shape", [(4, 2, 5), (4, 10), (12, 2, 3)])
def test_weights_become_semi_orthogonal(shape: tuple[int, ...]) -> None:
    torch.manual_seed(1)
    weight = torch.randn(shape, dtype=torch.float64)
    for _ in range(200):
        make_semi_orthogonal(weight)
    matrix = weight.flatten(1) if shape[0] <= weight[0].numel() else weight.flatten(1).T
    product = matrix @ matrix.T
    assert torch.allclose(product / product[0, 0], torch.eye(len(matrix), dtype=torch.float64), atol=1e-9)


def test_a_step_is_that_of_the_formula() -> None:
    """Near the constraint nu is 1/8: M - (P - a I) M / 2a, with a = tr(P P) / tr(P)."""
    torch.manual_seed(1)
    weight = torch.linalg.qr(torch.randn(9, 4, dtype=torch.float64))[0].T.contiguous() * 3
    weight += 0.01 * torch.randn_like(weight)
    product = weight @ weight.T
    a = (product @ product).trace() / product.trace()
    expected = weight - (product - a * torch.eye(4)) @ weight / (2 * a)
    make_semi_orthogonal(weight)
    assert torch.allclose(weight, expected, atol=1e-12)


def test_removed_nodes_do_not_matter_to_the_constraint() -> None:
    torch.manual_seed(1)
    small = torch.randn(4, 2, 5, dtype=torch.float64)
    whole = torch.zeros(6, 2, 8, dtype=torch.float64)
    rows, columns = torch.tensor([0, 2, 3, 5])[:, None, None], torch.tensor([1, 2, 4, 6, 7])
    whole[rows, torch.arange(2)[:, None], columns] = small
    for weight in (small, whole):
        make_semi_orthogonal(weight)
    assert torch.allclose(whole[rows, torch.arange(2)[:, None], columns], small, atol=1e-12)
    assert int(whole.count_nonzero()) == small.numel()
    make_semi_orthogonal(torch.zeros(3, 4))


def test_weights_that_masks_hold_at_zero_stay_there() -> None:
    torch.manual_seed(1)
    for shape in ((4, 2, 5), (9, 1, 4)):
        weight = torch.randn(shape) * (torch.rand(shape) < 0.5)
        masked, before = weight == 0, weight.clone()
        make_semi_orthogonal(weight)
        assert torch.equal(weight == 0, masked)
        assert not torch.equal(weight, before)


def test_batch_normalisation_is_of_the_batch_in_training() -> None:
    torch.manual_seed(0)
    norm, x = BatchNorm(3, momentum=1.0), torch.randn(500, 3) * 4 + 2
    y = norm(x)
    assert torch.allclose(y.mean(0), torch.zeros(3), atol=1e-5)
    assert torch.allclose(y.square().mean(0), torch.ones(3), atol=1e-3)
    norm.eval()
    assert torch.allclose(norm(x), y, atol=1e-5)


def test_balancing_keeps_the_function_and_gives_gates_the_norm() -> None:
    network = network_of()
    frames = torch.randn(20, 3, dtype=torch.float64)
    before, tied = network(frames), network.node_layers()[0]
    norms = tied.norms("outgoing") / network.gates[1].weight.flatten().abs()
    gate = network.gates[1].weight.flatten().clone()
    tied.balance()
    assert torch.allclose(network.gates[1].weight.flatten(), gate * norms)
    assert torch.allclose(network(frames), before, atol=1e-10)
