"""The diagonalising transform MLLT (Kaldi: gmm-acc-mllt, est-mllt, gmm-transform-means; mllt.cc)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from asr_prune.hmm.gmm import Doubles, Floats, Gmms, Ints
from asr_prune.hmm.gmm_stats import gmm_posteriors
from asr_prune.hmm.row_update import maximise

_SWEEPS = 200


def mllt(gmms: Gmms, feats: Floats, pdfs: Ints) -> Floats:
    """The transform float32 [dim, dim] under which the Gaussians' covariances are nearest to diagonal.

    feats: [frames, dim]; pdfs: [frames], -1 for frames to leave out.
    """
    count, scattered = scatter(gmms, feats, pdfs)
    dim = gmms.dim
    quadratic = scattered / count + 1e-6 * np.eye(dim)  # as few frames as leave a direction empty must not stop it
    done = maximise(np.ones(1), np.zeros((1, dim, dim)), quadratic[None], _SWEEPS)
    return done[0].astype(np.float32)


def scatter(gmms: Gmms, feats: Floats, pdfs: Ints) -> tuple[float, Doubles]:
    """Frames, and for each dimension i the sum of posterior (x-m)(x-m)' / variance_i, float64 [dim, dim, dim]."""
    dim, means = gmms.dim, gmms.means_invvars / gmms.invvars
    upper = np.triu_indices(dim)
    total, count = np.zeros((dim, len(upper[0]))), 0.0
    for block in gmm_posteriors(gmms, feats, pdfs):
        x = feats[block.rows]
        for posterior, mean, invvar in zip(block.posterior.T, means[block.own], gmms.invvars[block.own], strict=True):
            away = x - mean
            second = ((away * posterior[:, None]).T @ away)[upper]
            total += np.outer(invvar, second)
        count += len(x)
    full = np.zeros((dim, dim, dim))
    full[:, upper[0], upper[1]] = total
    return count, full + np.triu(full, 1).transpose(0, 2, 1)


def move_means(gmms: Gmms, transform: Floats) -> Gmms:
    """The Gaussians with their means transformed and their variances as they were."""
    means = (gmms.means_invvars / gmms.invvars) @ transform.T
    return replace(gmms, means_invvars=(means * gmms.invvars).astype(np.float32))
