"""Differences over time, as Kaldi's add-deltas."""

from __future__ import annotations

import numpy as np

#: frames on each side that one difference looks at (Kaldi's --delta-window)
WINDOW = 2


def delta_filter(order: int) -> np.ndarray:
    """Weights float32 [2 * order * WINDOW + 1] of the `order`-th difference (DeltaFeatures in Kaldi)."""
    slope = np.arange(-WINDOW, WINDOW + 1, dtype=np.float64)
    weights = np.ones(1)
    for _ in range(order):
        weights = np.convolve(weights, slope / (slope**2).sum())
    return weights.astype(np.float32)


def add_deltas(features: np.ndarray, order: int) -> np.ndarray:
    """Features float32 [frames, dim] with their differences up to `order` appended: [frames, dim * (order + 1)].

    The first and last frame stand in for frames beyond the edges, once, under the whole filter of each order.
    """
    frames = len(features)
    if frames == 0:
        return np.zeros((0, features.shape[1] * (order + 1)), features.dtype)
    blocks = [features]
    for degree in range(1, order + 1):
        weights = delta_filter(degree)
        reach = len(weights) // 2
        padded = np.pad(features, ((reach, reach), (0, 0)), mode="edge")
        block = np.zeros_like(features)
        for shift, weight in enumerate(weights):
            block += weight * padded[shift : shift + frames]
        blocks.append(block)
    return np.hstack(blocks)
