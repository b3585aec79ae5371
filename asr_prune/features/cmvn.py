"""Cepstral mean and variance normalisation with Kaldi's statistics."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

_VARIANCE_FLOOR = 1e-20  # as in Kaldi's transform/cmvn.cc


def cmvn_stats(features: Iterable[np.ndarray]) -> np.ndarray:
    """Statistics of float32 [frames, dim] matrices, as Kaldi's compute-cmvn-stats computes them.

    Returns float64 [2, dim + 1]: row 0 has the sums and then the number of frames, row 1 the sums
    of squares and then 0. Raises ValueError if there is no matrix.
    """
    total: np.ndarray | None = None
    for matrix in features:
        wide = matrix.astype(np.float64)
        stats = np.zeros((2, matrix.shape[1] + 1))
        stats[0, :-1], stats[0, -1] = wide.sum(axis=0), len(matrix)
        stats[1, :-1] = (wide**2).sum(axis=0)
        total = stats if total is None else total + stats
    if total is None:
        raise ValueError("CMVN statistics need at least one matrix")
    return total


def apply_cmvn(features: np.ndarray, stats: np.ndarray, variance: bool = False) -> np.ndarray:
    """Features float32 [frames, dim] minus their mean and, with `variance`, over their deviation.

    stats: of `cmvn_stats`, for the same features or all features of their speaker. As Kaldi's
    apply-cmvn.
    """
    count = stats[0, -1]
    mean = stats[0, :-1] / count
    if not variance:
        return features - mean.astype(np.float32)
    scale = 1 / np.sqrt(np.maximum(stats[1, :-1] / count - mean**2, _VARIANCE_FLOOR))
    return features * scale.astype(np.float32) - (mean * scale).astype(np.float32)
