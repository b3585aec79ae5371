from __future__ import annotations

import kaldi_hmm_gmm as khg
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr_prune.hmm.tying.likelihood import log_likelihood, summed


def moments_of(x: np.ndarray) -> np.ndarray:
    return np.array([len(x), *x.sum(0), *(x**2).sum(0)], float)


@given(seed=st.integers(0, 999), frames=st.integers(1, 9), dim=st.integers(1, 5), scale=st.sampled_from([0.01, 1, 50]))
def test_is_kaldis(seed: int, frames: int, dim: int, scale: float) -> None:
    """Also where variances are below the floor."""
    x = np.random.default_rng(seed).normal(2, scale, (frames, dim))
    theirs = khg.GaussClusterable(dim, 0.01)
    for row in x:
        theirs.add_stats(row, 1.0)
    assert log_likelihood(moments_of(x)) == pytest.approx(theirs.objf(), rel=1e-5)


def test_is_the_density_of_the_frames() -> None:
    x = np.random.default_rng(0).normal(size=(7, 3))
    mean, variance = x.mean(0), x.var(0)
    logs = -0.5 * (np.log(2 * np.pi * variance) + (x - mean) ** 2 / variance)
    assert log_likelihood(moments_of(x)) == pytest.approx(logs.sum())


def test_no_frames_have_none_and_shapes_stay() -> None:
    moments = np.zeros((2, 3, 7))
    assert log_likelihood(moments).tolist() == [[0.0] * 3] * 2


@given(seed=st.integers(0, 999), cut=st.integers(0, 12))
def test_two_gaussians_are_never_worse_than_one(seed: int, cut: int) -> None:
    x = np.random.default_rng(seed).normal(0, 3, (12, 2))
    parts = log_likelihood(np.array([moments_of(x[:cut]), moments_of(x[cut:])])).sum()
    assert parts >= log_likelihood(moments_of(x)) - 1e-9


@given(groups=st.lists(st.integers(0, 4), max_size=20))
def test_summed_against_a_loop(groups: list[int]) -> None:
    rows = np.random.default_rng(1).normal(size=(len(groups), 3))
    expected = np.zeros((5, 3))
    for row, group in zip(rows, groups, strict=True):
        expected[group] += row
    np.testing.assert_allclose(summed(rows, np.array(groups, np.int64), 5), expected, atol=1e-12)
