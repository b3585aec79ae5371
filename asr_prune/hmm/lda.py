"""Linear discriminant analysis of spliced frames (Kaldi: acc-lda, est-lda; lda-estimate.cc)."""

from __future__ import annotations

import numpy as np

from asr_prune.errors import UserError
from asr_prune.hmm.gmm import Doubles, Floats, Ints


def lda(feats: Floats, classes: Ints, dim: int) -> Floats:
    """The `dim` most discriminative directions, scaled to unit within-class variance.

    feats: [frames, spliced dim]; classes: [frames], -1 for frames to skip. Returns float32
    [dim, spliced dim]. Raises UserError if `dim` exceeds the spliced dimension or the within-class
    covariance is singular.
    """
    size = feats.shape[1]
    if dim > size:
        raise UserError(f"lda_mllt: dim is {dim} but spliced frames have {size} values; lower dim.")
    within, between = _covariances(feats, classes)
    try:
        half = np.linalg.inv(np.linalg.cholesky(within))
    except np.linalg.LinAlgError:
        raise UserError(
            "lda_mllt: the covariance of the spliced frames is not positive definite; "
            "check the features or train on more speech."
        ) from None
    axes, _, _ = np.linalg.svd(half @ between @ half.T)
    return (axes.T @ half)[:dim].astype(np.float32)


def _covariances(feats: Floats, classes: Ints) -> tuple[Doubles, Doubles]:
    """Within and between classes, float64 [spliced dim, spliced dim]."""
    order = np.argsort(classes, kind="stable")[np.count_nonzero(classes < 0) :]
    _, starts, counts = np.unique(classes[order], return_index=True, return_counts=True)
    chosen = feats[order]
    parts = (chosen[at : at + 8192].astype(np.float64) for at in range(0, len(chosen), 8192))
    total = sum(block.T @ block for block in parts)
    means = np.add.reduceat(chosen, starts, axis=0, dtype=np.float64) / counts[:, None]
    mean = means.T @ counts / len(chosen)
    between = (means.T * counts) @ means / len(chosen) - np.outer(mean, mean)
    return total / len(chosen) - np.outer(mean, mean) - between, between
