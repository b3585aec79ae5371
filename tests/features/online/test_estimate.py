from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr_prune.features.online.estimate import IvectorStats, conjugate_gradients

from .small import DIM, OFFSET, make_extractor

MEAN = np.append(OFFSET, np.zeros(DIM - 1))


def posdef(size: int, seed: int) -> np.ndarray:
    root = np.random.default_rng(seed).normal(size=(size, size))
    return root @ root.T + np.eye(size)


@given(size=st.integers(1, 12), seed=st.integers(0, 999), steps=st.integers(0, 20))
def test_conjugate_gradients_are_the_textbook_ones(size: int, seed: int, steps: int) -> None:
    matrix, dice = posdef(size, seed), np.random.default_rng(seed + 1)
    target, start = dice.normal(size=size), dice.normal(size=size)
    found = conjugate_gradients(matrix, target, start, steps)
    x, residual = start, matrix @ start - target
    direction = -residual
    for _ in range(min(steps, size)):
        if residual @ residual < 1e-20:
            break
        rate = (residual @ residual) / (direction @ matrix @ direction)
        x, after = x + rate * direction, residual + rate * matrix @ direction
        direction, residual = -after + (after @ after) / (residual @ residual) * direction, after
    np.testing.assert_allclose(found, x, atol=1e-4)
    if steps >= size:
        np.testing.assert_allclose(found, np.linalg.solve(matrix, target), atol=1e-4)


@given(
    max_count=st.sampled_from([0.0, 3.0]),
    counts=st.lists(st.floats(0, 4), min_size=1, max_size=4),
    scale=st.floats(0, 1),
)
def test_the_prior_weighs_as_much_as_it_must(max_count: float, counts: list[float], scale: float) -> None:
    stats, linear, quadratic = (
        IvectorStats.prior(make_extractor(), max_count),
        np.zeros(DIM),
        np.zeros((DIM, DIM)),
    )
    for seed, count in enumerate(counts):
        more, square = np.full(DIM, seed + 1.0), posdef(DIM, seed)
        stats = stats.plus(more, square[np.tril_indices(DIM)], count)
        linear, quadratic = linear + more, quadratic + square
    for factor, now in ((1.0, stats), (scale, stats.scaled(scale))):
        frames = factor * sum(counts)
        prior = max(frames, max_count) / max_count if max_count else 1.0
        assert now.frames == pytest.approx(frames)
        np.testing.assert_allclose(now.linear, factor * linear + prior * MEAN, atol=1e-9)
        np.testing.assert_allclose(now.quadratic, factor * quadratic + prior * np.eye(DIM), atol=1e-9)


def test_without_frames_it_is_the_prior() -> None:
    stats = IvectorStats.prior(make_extractor(), 0.0)
    np.testing.assert_array_equal(stats.ivector(np.ones(DIM), 15), MEAN)


def test_an_estimate_that_begins_at_nought_begins_at_the_prior() -> None:
    stats = IvectorStats.prior(make_extractor(), 0.0).plus(np.ones(DIM), posdef(DIM, 0)[np.tril_indices(DIM)], 1.0)
    np.testing.assert_array_equal(stats.ivector(np.zeros(DIM), 1), stats.ivector(MEAN, 1))
    np.testing.assert_array_equal(stats.ivector(MEAN, 0), MEAN)
