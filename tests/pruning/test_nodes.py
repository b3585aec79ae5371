"""Choices of nodes: the requested number, the largest, prefixes."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from asr_prune.acoustic.feed_forward import FeedForward
from asr_prune.pruning.counts import even_counts, minima_of, target_of
from asr_prune.pruning.nodes import Nodes, first, largest, prefix_share, reach, share_by_chance, strongest
from asr_prune.pruning.options import PruneOptions

Values = st.lists(
    st.lists(st.sampled_from([0.0, 0.5, 1.0, 2.0, 3.5]), min_size=1, max_size=12),
    min_size=1,
    max_size=4,
)


@given(
    st.lists(st.integers(1, 30), min_size=1, max_size=5),
    st.floats(0.01, 1),
    st.integers(1, 8),
    st.integers(0, 99),
)
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


def test_the_output_layer_is_left_out_or_not() -> None:
    network = FeedForward(5, (4, 3), 6)
    nodes = Nodes(network.node_layers(), PruneOptions())
    with_output = nodes.weights(output=True)
    assert [w is layer.weight for w, layer in zip(with_output, network.affine, strict=True)] == [True] * 3
    assert len(nodes.weights(output=False)) == 2


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
