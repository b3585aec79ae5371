from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr_prune.features.cmvn import apply_cmvn, cmvn_stats

matrices = st.lists(st.tuples(st.integers(1, 9), st.integers(0, 99)), min_size=1, max_size=4)


@given(matrices)
def test_statistics_are_sums_over_frames(sizes: list[tuple[int, int]]) -> None:
    found = [np.random.default_rng(seed).normal(5, 3, (frames, 3)).astype(np.float32) for frames, seed in sizes]
    slow = np.zeros((2, 4))
    for row in np.vstack(found):
        for column, value in enumerate(row):
            slow[0, column] += float(value)
            slow[1, column] += float(value) ** 2
        slow[0, 3] += 1
    np.testing.assert_allclose(cmvn_stats(found), slow, rtol=1e-9)


@pytest.mark.parametrize("variance", [False, True])
def test_what_is_normalised_has_mean_zero_and_unit_variance(variance: bool) -> None:
    features = np.random.default_rng(0).normal(-7, 4, (500, 5)).astype(np.float32)
    made = apply_cmvn(features, cmvn_stats([features]), variance)
    assert made.dtype == np.float32
    np.testing.assert_allclose(made.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(made.std(axis=0), 1 if variance else features.std(axis=0), atol=1e-3)


def test_a_constant_column_stays_finite() -> None:
    features = np.full((10, 2), 3.0, np.float32)
    assert np.isfinite(apply_cmvn(features, cmvn_stats([features]), variance=True)).all()


def test_no_features_have_no_statistics() -> None:
    with pytest.raises(ValueError, match="at least one"):
        cmvn_stats([])
