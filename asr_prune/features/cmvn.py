"""Cepstral mean and variance normalisation with Kaldi's statistics."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

#: Kaldi's floor under a variance (transform/cmvn.cc)
VARIANCE_FLOOR = 1e-20


def cmvn_stats(features: Iterable[np.ndarray]) -> np.ndarray:
    """Statistics of float32 [frames, dim] matrices, as Kaldi's compute-cmvn-stats writes them.

    Returns float64 [2, dim + 1]: row 0 sums and, last, the number of frames; row 1 sums of squares and, last, 0.
    """
    total: np.ndarray | None = None
    for matrix in features:
        wide = matrix.astype(np.float64)
        stats = np.zeros((2, matrix.shape[1] + 1))
        stats[0, :-1], stats[1, :-1], stats[0, -1] = wide.sum(axis=0), (wide**2).sum(axis=0), len(matrix)
        total = stats if total is None else total + stats
    if total is None:
        raise ValueError("CMVN statistics need at least one matrix of features")
    return total


def apply_cmvn(features: np.ndarray, stats: np.ndarray, variance: bool = False) -> np.ndarray:
    """Features float32 [frames, dim] less their mean, and over their deviation with `variance`, as Kaldi's apply-cmvn.

    stats: as `cmvn_stats` gives them, of these features or of all of their speaker.
    """
    count = stats[0, -1]
    mean = stats[0, :-1] / count
    if not variance:
        return features - mean.astype(np.float32)
    scale = 1 / np.sqrt(np.maximum(stats[1, :-1] / count - mean**2, VARIANCE_FLOOR))
    return features * scale.astype(np.float32) - (mean * scale).astype(np.float32)
