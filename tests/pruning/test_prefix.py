"""Prefixes of layers."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from asr_prune.pruning.prefix import even_counts, first, prefix_share, reach, share_by_chance


def mask(text: str) -> torch.Tensor:
    return torch.tensor([c == "x" for c in text])


@given(st.lists(st.integers(1, 60), min_size=1, max_size=5), st.floats(0, 1), st.integers(1, 8))
def test_even_counts_hit_the_target(sizes: list[int], share: float, minimum: int) -> None:
    minima = [min(size, minimum) for size in sizes]
    target = max(round(share * sum(sizes)), sum(minima))
    counts = even_counts(sizes, target, minima)
    assert sum(counts) == target
    assert all(low <= count <= size for low, count, size in zip(minima, counts, sizes, strict=True))
    for size, count, low in zip(sizes, counts, minima, strict=True):
        assert count == low or count <= target * size / sum(sizes) + 1


def test_even_counts_of_equal_layers_are_equal() -> None:
    assert even_counts([32, 32, 32], 24, [1, 1, 1]) == [8, 8, 8]
    assert even_counts([32, 32], 17, [1, 1]) == [9, 8]
    assert even_counts([100, 20], 30, [8, 8]) == [22, 8]


def test_first_reach_and_share() -> None:
    kept = [mask("xx.x."), mask("....")]
    assert [m.tolist() for m in first([3, 2], [2, 0])] == [[True, True, False], [False, False]]
    assert reach(kept) == [4, 0]
    assert prefix_share(kept) == 2 / 3
    assert prefix_share([mask("xx..."), mask("x")]) == 1
    assert share_by_chance([mask("xx.."), mask("x.")]) == (2 * 2 / 4 + 1 / 2) / 3


def test_chance_is_the_mean_over_random_choices() -> None:
    torch.manual_seed(0)
    shares = [prefix_share([torch.randperm(20) < 5, torch.randperm(10) < 6]) for _ in range(3000)]
    assert abs(sum(shares) / len(shares) - share_by_chance([torch.arange(20) < 5, torch.arange(10) < 6])) < 0.01
