from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from asr_prune.features.deltas import add_deltas, delta_filter


def slow_filters(order: int, window: int = 2) -> list[dict[int, float]]:
    """{offset: weight} of each order: DeltaFeatures::DeltaFeatures, one multiplication at a time."""
    filters = [{0: 1.0}]
    for _ in range(order):
        made: dict[int, float] = {}
        norm = sum(j * j for j in range(-window, window + 1))
        for offset, weight in filters[-1].items():
            for j in range(-window, window + 1):
                made[offset + j] = made.get(offset + j, 0.0) + weight * j / norm
        filters.append(made)
    return filters


def slow_deltas(features: np.ndarray, order: int) -> np.ndarray:
    """DeltaFeatures::Process, a frame at a time."""
    rows = []
    for frame in range(len(features)):
        row: list[float] = []
        for weights in slow_filters(order):
            inside = {at: min(max(frame + at, 0), len(features) - 1) for at in weights}
            row.extend(sum(weight * features[inside[at]].astype(np.float64) for at, weight in weights.items()))
        rows.append(row)
    return np.array(rows)


@given(st.integers(1, 12), st.integers(1, 4), st.integers(0, 3), st.integers(0, 99))
def test_as_the_slow_loop(frames: int, dim: int, order: int, seed: int) -> None:
    features = np.random.default_rng(seed).normal(0, 10, (frames, dim)).astype(np.float32)
    made = add_deltas(features, order)
    assert made.dtype == np.float32
    np.testing.assert_allclose(made, slow_deltas(features, order), atol=1e-4)


def test_a_straight_line_has_its_slope_and_no_bend() -> None:
    middle = add_deltas(3 * np.arange(20, dtype=np.float32)[:, None], 2)[4:-4]
    np.testing.assert_allclose(middle[:, 1], 3, atol=1e-5)
    np.testing.assert_allclose(middle[:, 2], 0, atol=1e-5)


def test_no_frames_stay_none() -> None:
    assert add_deltas(np.zeros((0, 13), np.float32), 2).shape == (0, 39)


def test_filter_lengths() -> None:
    assert [len(delta_filter(order)) for order in range(4)] == [1, 5, 9, 13]
