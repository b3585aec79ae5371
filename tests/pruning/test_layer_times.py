"""Least squares without negative coefficients, against scipy's."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import nnls

from asr_prune.pruning.layer_times import without_negatives


@given(st.integers(0, 10_000), st.booleans())
def test_no_coefficient_is_negative_and_none_fits_better(seed: int, positive: bool) -> None:
    dice = np.random.default_rng(seed)
    rows, values = dice.standard_normal((12, 3)), dice.standard_normal(12) + 1
    rows = abs(rows) if positive else rows
    found = without_negatives(rows, values)
    assert (found >= 0).all()
    np.testing.assert_allclose(found, nnls(rows, values)[0], atol=1e-8)
