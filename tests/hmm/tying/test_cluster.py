from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr_prune.hmm.tying.cluster import _STARTS, _refined, _start, split_all, split_in_two
from asr_prune.hmm.tying.likelihood import log_likelihood


def points_at(places: list[float], frames: float = 100.0) -> np.ndarray:
    """Points of unit variance around the places."""
    x = np.array(places)
    return np.stack([np.full(len(x), frames), frames * x, frames * (1 + x**2)], axis=1)


def test_neighbours_on_a_line() -> None:
    nodes = split_all(points_at([0, 1, 50, 52, 80]), np.random.default_rng(0))
    assert sorted(nodes) == [[0], [0, 1], [1], [2], [2, 3], [2, 3, 4], [3], [4]]


@pytest.mark.parametrize("seed", range(8))
def test_of_starts_that_end_equally_well_the_first_counts(seed: int) -> None:
    """Two pairs of twins and a point in the middle, which fits either; sides may be called 0 or 1."""
    points, rng = points_at([0, 50, 0, 50, 25]), np.random.default_rng(seed)
    ends = [_refined(points, _start(5, rng)) for _ in range(_STARTS)]
    gains = [gain_of(points, end) for end in ends]
    first = ends[gains.index(max(gains))]
    assert split_in_two(points, np.random.default_rng(seed))[1].tolist() == first.tolist()


def test_what_has_no_frames_stays_together() -> None:
    points = np.vstack([points_at([0, 9]), np.zeros((2, 3))])
    nodes = split_all(points, np.random.default_rng(0))
    assert len(nodes) == 2
    assert sorted(nodes[0] + nodes[1]) == [0, 1, 2, 3]


def gain_of(points: np.ndarray, side: np.ndarray) -> float:
    parts = np.array([points[side == i].sum(0) for i in (0, 1)])
    return float(log_likelihood(parts).sum() - log_likelihood(points.sum(0)))


@given(seed=st.integers(0, 999), count=st.integers(2, 7))
def test_no_single_move_is_better(seed: int, count: int) -> None:
    dice = np.random.default_rng(seed)
    points = points_at(dice.normal(0, 5, count).tolist())
    gain, side = split_in_two(points, np.random.default_rng(0))
    assert gain == pytest.approx(gain_of(points, side))
    for i in range(count):
        moved = np.where(np.arange(count) == i, 1 - side, side)
        assert gain_of(points, moved) <= gain + 1e-6


@given(seed=st.integers(0, 999), count=st.integers(1, 12))
def test_nodes_form_a_tree(seed: int, count: int) -> None:
    dice = np.random.default_rng(seed)
    nodes = split_all(points_at(dice.normal(0, 5, count).tolist()), np.random.default_rng(seed))
    for one, other in product(map(set, nodes), repeat=2):
        assert one <= other or other <= one or not one & other
    if nodes:
        assert set().union(*nodes) == set(range(count))
