"""The diagonalising transform MLLT (Kaldi: gmm-acc-mllt, est-mllt, gmm-transform-means)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from asr_prune.hmm.gmm import Doubles, Floats, Gmms, Ints
from asr_prune.hmm.gmm_stats import gmm_posteriors
from asr_prune.hmm.row_update import maximise

_SWEEPS = 200


def mllt(gmms: Gmms, feats: Floats, pdfs: Ints) -> Floats:
    """The transform float32 [dim, dim] under which the covariances are closest to diagonal.

    feats: [frames, dim]; pdfs: [frames], -1 for frames to skip.
    """
    count, scattered = scatter(gmms, feats, pdfs)
    dim = gmms.dim
    # with very few frames the scatter is singular
    quadratic = scattered / count + 1e-6 * np.eye(dim)
    transforms = maximise(np.ones(1), np.zeros((1, dim, dim)), quadratic[None], _SWEEPS)
    return transforms[0].astype(np.float32)


def scatter(gmms: Gmms, feats: Floats, pdfs: Ints) -> tuple[float, Doubles]:
    """Number of frames, and the statistics float64 [dim, dim, dim].

    Matrix i is the sum of posterior (x-m)(x-m)' / variance_i over frames and Gaussians.
    """
    dim, means = gmms.dim, gmms.means_invvars / gmms.invvars
    upper = np.triu_indices(dim)
    total, count = np.zeros((dim, len(upper[0]))), 0.0
    for block in gmm_posteriors(gmms, feats, pdfs):
        x = feats[block.rows]
        parameters = means[block.gaussians], gmms.invvars[block.gaussians]
        for posterior, mean, invvar in zip(block.posterior.T, *parameters, strict=True):
            centred = x - mean
            second = ((centred * posterior[:, None]).T @ centred)[upper]
            total += np.outer(invvar, second)
        count += len(x)
    full = np.zeros((dim, dim, dim))
    full[:, upper[0], upper[1]] = total
    return count, full + np.triu(full, 1).transpose(0, 2, 1)


def move_means(gmms: Gmms, transform: Floats) -> Gmms:
    """The mixtures with transformed means and unchanged variances."""
    means = (gmms.means_invvars / gmms.invvars) @ transform.T
    return replace(gmms, means_invvars=(means * gmms.invvars).astype(np.float32))
