"""The asked number of nodes is the number that survives."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from asr_prune.pruning.budget import minima_of, strongest, target_of


@given(st.lists(st.integers(1, 30), min_size=1, max_size=5), st.floats(0.01, 1), st.integers(1, 8), st.integers(0, 99))
def test_budget_is_hit_and_minima_hold(sizes: list[int], keep: float, minimum: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    scores = [torch.rand(size, generator=generator) for size in sizes]
    minima = minima_of(sizes, keep, minimum, 0.5)
    target = target_of(sizes, keep, minima)
    masks = strongest(scores, target, minima)
    assert sum(int(m.sum()) for m in masks) == target == max(round(keep * sum(sizes)), sum(minima))
    assert all(int(m.sum()) >= least for m, least in zip(masks, minima, strict=True))


def test_a_layer_keeps_its_floor() -> None:
    assert minima_of([100, 20, 4], 0.5, 8, 0.5) == [25, 8, 4]
    assert minima_of([100, 20, 4], None, 8, 0.5) == [8, 8, 4]


def test_the_highest_survive_over_all_layers() -> None:
    masks = strongest([torch.tensor([5.0, 1, 4]), torch.tensor([3.0, 2, 6])], 4, [1, 1])
    assert [m.tolist() for m in masks] == [[True, False, True], [True, False, True]]


def test_all_scores_zero_still_hits_the_budget() -> None:
    assert sum(int(m.sum()) for m in strongest([torch.zeros(6), torch.zeros(6)], 5, [2, 2])) == 5


def test_no_keep_is_no_target() -> None:
    assert target_of([4, 4], None, [2, 2]) is None
