from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr_prune.hmm.tying.likelihood import log_likelihood
from asr_prune.hmm.tying.merge import merge_leaves


def random_leaves(seed: int) -> tuple[np.ndarray, np.ndarray]:
    dice = np.random.default_rng(seed)
    frames = dice.integers(0, 4, 9) * 20.0
    x = dice.normal(0, 2, (9, 2))
    moments = np.hstack([frames[:, None], frames[:, None] * x, frames[:, None] * (1 + x**2)])
    return moments, dice.integers(0, 3, 9)


def slow(moments: np.ndarray, roots: np.ndarray, highest: float, fewest: int) -> list[set[int]]:
    """Merges the pair of clusters of one root that costs least, again and again."""
    clusters = [{i} for i in range(len(moments)) if moments[i, 0]]

    def loss(one: set[int], other: set[int]) -> float:
        a, b = moments[list(one)].sum(0), moments[list(other)].sum(0)
        return float(log_likelihood(a) + log_likelihood(b) - log_likelihood(a + b))

    while len(clusters) > fewest:
        pairs = [(a, b) for a in clusters for b in clusters if min(a) < min(b) and roots[min(a)] == roots[min(b)]]
        if not pairs or loss(*(best := min(pairs, key=lambda pair: loss(*pair)))) > highest:
            break
        clusters = [cluster for cluster in clusters if cluster not in best] + [best[0] | best[1]]
    return sorted(clusters, key=min)


@given(seed=st.integers(0, 999), highest=st.sampled_from([0.0, 5.0, 40.0, np.inf]), fewest=st.integers(0, 9))
def test_against_a_loop(seed: int, highest: float, fewest: int) -> None:
    moments, roots = random_leaves(seed)
    mapping = merge_leaves(moments, roots, highest, fewest)
    seen = np.flatnonzero(moments[:, 0])
    found = {new: {int(i) for i in seen if mapping[i] == new} for new in mapping[seen].tolist()}
    assert sorted(found.values(), key=min) == slow(moments, roots, highest, fewest)
    unseen = np.flatnonzero(moments[:, 0] == 0)
    np.testing.assert_array_equal(mapping[unseen], unseen)
    assert (roots[mapping] == roots).all()
    assert set(mapping[seen].tolist()) <= set(seen.tolist())


def test_a_loss_of_exactly_the_threshold_is_accepted() -> None:
    moments, roots = random_leaves(3)
    loss = min(
        float(log_likelihood(a) + log_likelihood(b) - log_likelihood(a + b))
        for i, a in enumerate(moments)
        for j, b in enumerate(moments)
        if j < i and roots[i] == roots[j] and a[0] and b[0]
    )
    assert len(set(merge_leaves(moments, roots, loss, 0).tolist())) == 8
    assert len(set(merge_leaves(moments, roots, loss * 0.999, 0).tolist())) == 9


def test_numbers_follow_the_last_leaf_of_each_cluster() -> None:
    """Clusters {0, 2} and {1} of one root: the second ends first, so it takes the root's first number."""
    x = np.array([0.0, 50.0, 0.1])
    moments = np.stack([np.full(3, 9.0), 9 * x, 9 * (1 + x**2)], axis=1)
    assert merge_leaves(moments, np.zeros(3, int), 20.0, 0).tolist() == [1, 0, 1]


@pytest.mark.parametrize("fewest", [3, 2])
def test_never_fewer_than_one_leaf_a_root(fewest: int) -> None:
    moments = np.array([[9.0, 0, 9]] * 6)
    mapping = merge_leaves(moments, np.array([0, 0, 1, 1, 2, 2]), np.inf, fewest)
    assert len(set(mapping.tolist())) == 3
