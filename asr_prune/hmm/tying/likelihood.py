"""Likelihood of frames under one Gaussian, from their moments alone (Kaldi: GaussClusterable)."""

from __future__ import annotations

import numpy as np

from asr_prune.hmm.gmm import LOG_2PI, Doubles, Longs

#: as in acc-tree-stats and gmm-init-model
TREE_VARIANCE_FLOOR = 0.01
#: gains and losses are equal if their relative difference is below this
ROUNDING = 1e-6


def log_likelihood(moments: Doubles, floor: float = TREE_VARIANCE_FLOOR) -> Doubles:
    """Log-likelihood of frames under the diagonal Gaussian that fits them, with a variance floor.

    moments: number of frames, sums of the features and of their squares, float64 [..., 1 + 2 dim].
    Returns float64 [...], 0 for no frames.
    """
    dim = moments.shape[-1] // 2
    count = moments[..., 0]
    mean = moments[..., 1:] / np.maximum(count, 1e-10)[..., None]
    variance = mean[..., dim:]
    variance -= mean[..., :dim] ** 2
    floored = np.maximum(variance, floor)
    per_frame = np.log(floored).sum(-1) + (variance / floored).sum(-1) + dim * LOG_2PI
    return np.where(count > 0, -0.5 * count * per_frame, 0.0)


def summed(moments: Doubles, groups: Longs, size: int) -> Doubles:
    """Sums of moments [n, ...] by group [n] from 0 to size - 1; [size, ...]."""
    out = np.zeros((size, moments.shape[1]))
    if len(groups):
        order = np.argsort(groups, kind="stable")
        starts = np.flatnonzero(np.diff(groups[order], prepend=-1))
        out[groups[order[starts]]] = np.add.reduceat(moments[order], starts)
    return out
