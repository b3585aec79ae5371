"""The factored output layer is the best of its rank on the frames."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from asr_prune.pruning.low_rank import Moments, input_moments, largest_rank, low_rank


def drawn(seed: int, outputs: int, nodes: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    weight = torch.randn(outputs, nodes, generator=generator, dtype=torch.float64)
    spread = torch.randn(nodes, nodes, generator=generator, dtype=torch.float64)
    frames = torch.randn(200, nodes, generator=generator, dtype=torch.float64) @ spread + 2
    return weight, frames.clamp_min(0)


def moments(frames: torch.Tensor) -> Moments:
    return Moments(frames.mean(0), frames.T.cov(correction=0))


@given(st.integers(0, 99), st.integers(8, 20), st.integers(8, 12), st.integers(1, 3))
@settings(max_examples=30)
def test_no_map_of_the_rank_is_nearer_to_the_logits(seed: int, outputs: int, nodes: int, rank: int) -> None:
    weight, frames = drawn(seed, outputs, nodes)
    found = low_rank(weight, moments(frames), rank, 0.5)
    assert found is not None
    logits = frames @ weight.T
    near = (frames @ weight.T) @ found.basis @ found.basis.T + found.constant
    centred = logits - logits.mean(0)
    singular = torch.linalg.svdvals(centred)
    assert torch.allclose((logits - near).square().sum(), singular[rank:].square().sum(), rtol=1e-6)
    assert abs(found.energy - float(singular[:rank].square().sum() / singular.square().sum())) < 1e-9


@given(st.integers(1, 400), st.integers(1, 400))
def test_two_maps_have_fewer_weights_up_to_the_largest_rank(rows: int, columns: int) -> None:
    most = largest_rank(rows, columns)
    assert most == 0 or most * (rows + columns) < rows * columns
    assert (most + 1) * (rows + columns) >= rows * columns


def test_auto_takes_the_least_rank_that_keeps_the_share() -> None:
    weight, frames = drawn(0, 40, 20)
    for share in (0.3, 0.6, 0.8):
        found = low_rank(weight, moments(frames), None, share)
        assert found is not None
        rank = found.basis.shape[1]
        less = low_rank(weight, moments(frames), rank - 1, share) if rank > 1 else None
        assert found.energy >= share
        assert less is None or less.energy < share
    assert low_rank(weight, moments(frames), None, 1 - 1e-12) is None


def test_columns_of_zeros_are_not_counted() -> None:
    weight, frames = drawn(0, 40, 20)
    assert low_rank(weight, moments(frames), 13, 0.5) is not None
    weight[:, 10:] = 0
    assert low_rank(weight, moments(frames), 9, 0.5) is None
    assert low_rank(weight, moments(frames), 7, 0.5) is not None


def test_moments_are_those_of_what_the_map_reads() -> None:
    _, frames = drawn(1, 3, 4)
    output = nn.Linear(4, 3).double()
    found = input_moments([output], lambda: [output(part) for part in frames.split(33)])[0]
    assert torch.allclose(found.mean, frames.mean(0))
    assert torch.allclose(found.covariance, frames.T.cov(correction=0))
    assert not output._forward_pre_hooks
