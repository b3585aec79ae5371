"""How well one Gaussian describes frames of which only sums are known (Kaldi: GaussClusterable)."""

from __future__ import annotations

import numpy as np

from asr_prune.hmm.gmm import LOG_2PI, Doubles, Longs

TREE_VARIANCE_FLOOR = 0.01  # as acc-tree-stats and gmm-init-model
ROUNDING = 1e-6  # gains and losses that differ less than by this part of them are equal


def log_likelihood(moments: Doubles, floor: float = TREE_VARIANCE_FLOOR) -> Doubles:
    """Log-likelihood of all frames under their own diagonal Gaussian, whose variances are at least `floor`.

    moments: number of frames, then sums of the features, then of their squares, float64 [..., 1 + 2 dim]; returns
    float64 [...], 0 where there are no frames.
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
    """Sums of moments [n, ...] by group [n], which are 0 to size - 1; [size, ...]."""
    out = np.zeros((size, moments.shape[1]))
    if len(groups):
        order = np.argsort(groups, kind="stable")
        starts = np.flatnonzero(np.diff(groups[order], prepend=-1))
        out[groups[order[starts]]] = np.add.reduceat(moments[order], starts)
    return out
