"""Linear discriminant analysis of spliced frames (Kaldi: acc-lda, est-lda; lda-estimate.cc)."""

from __future__ import annotations

import numpy as np

from asr_prune.errors import UserError
from asr_prune.hmm.gmm import Doubles, Floats, Ints


def lda(feats: Floats, classes: Ints, dim: int) -> Floats:
    """The rows that best tell the classes apart, float32 [dim, spliced dim]; variance within classes becomes 1.

    feats: [frames, spliced dim]; classes: [frames], -1 for frames to leave out. Raises UserError where `dim` is above
    the spliced dimension or the variance within classes is singular.
    """
    if dim > feats.shape[1]:
        raise UserError(f"lda_mllt: dim is {dim} and spliced frames have {feats.shape[1]} values; lower hmm dim.")
    within, between = _covariances(feats, classes)
    try:
        half = np.linalg.inv(np.linalg.cholesky(within))
    except np.linalg.LinAlgError:
        raise UserError(
            "lda_mllt: the spliced frames vary in too few directions (their covariance is not positive definite); "
            "check the features or train on more speech."
        ) from None
    axes, _, _ = np.linalg.svd(half @ between @ half.T)
    return (axes.T @ half)[:dim].astype(np.float32)


def _covariances(feats: Floats, classes: Ints) -> tuple[Doubles, Doubles]:
    """Within and between classes, float64 [spliced dim, spliced dim]."""
    order = np.argsort(classes, kind="stable")[np.count_nonzero(classes < 0) :]
    _, starts, counts = np.unique(classes[order], return_index=True, return_counts=True)
    chosen = feats[order]
    total = sum(((block := chosen[at : at + 8192].astype(np.float64)).T @ block) for at in range(0, len(chosen), 8192))
    means = np.add.reduceat(chosen, starts, axis=0, dtype=np.float64) / counts[:, None]
    mean = means.T @ counts / len(chosen)
    between = (means.T * counts) @ means / len(chosen) - np.outer(mean, mean)
    return total / len(chosen) - np.outer(mean, mean) - between, between
