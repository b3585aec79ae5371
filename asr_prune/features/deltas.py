"""Deltas, as Kaldi's add-deltas computes them."""

from __future__ import annotations

import numpy as np

_WINDOW = 2  # frames on each side of a difference (Kaldi's --delta-window)


def delta_filter(order: int) -> np.ndarray:
    """Weights float32 [4 * order + 1] of the `order`-th difference (Kaldi's DeltaFeatures)."""
    slope = np.arange(-_WINDOW, _WINDOW + 1, dtype=np.float64)
    weights = np.ones(1)
    for _ in range(order):
        weights = np.convolve(weights, slope / (slope**2).sum())
    return weights.astype(np.float32)


def add_deltas(features: np.ndarray, order: int) -> np.ndarray:
    """float32 [frames, dim] -> [frames, dim * (order + 1)]: differences up to `order` appended.

    The filter of each order is applied to the features once, with the first and last frame repeated
    beyond the edges.
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
