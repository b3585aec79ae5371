"""Re-estimation of mixtures. Formulas and thresholds as in Kaldi's mle-diag-gmm.cc."""

from __future__ import annotations

import numpy as np

from asr_prune.hmm.gmm import Bools, Doubles, Gmms
from asr_prune.hmm.gmm_stats import Stats


def update(
    gmms: Gmms,
    stats: Stats,
    min_occupancy: float = 10.0,
    min_weight: float = 1e-5,
    min_variance: float = 0.001,
    remove: bool = True,
) -> Gmms:
    """Maximum-likelihood estimate.

    A Gaussian with too few frames is removed; if no Gaussian of a pdf has enough, the last one is
    kept unchanged. remove=False keeps all unchanged (--remove-low-count-gaussians=false).
    """
    owner, share = gmms.owner, _shares(gmms, stats.occupancy)
    enough = (stats.occupancy > min_occupancy) & (share > min_weight)
    keep = enough | _last_of_starved(enough, gmms) | (not remove)
    weights = np.where(enough, share, np.maximum(share, min_weight)) * keep
    weights /= np.bincount(owner, weights, gmms.num_pdfs)[owner]
    sizes = np.bincount(owner, keep, gmms.num_pdfs)
    means_invvars, invvars = _updated_moments(gmms, stats, enough, min_variance)
    return Gmms(
        np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        weights[keep].astype(np.float32),
        means_invvars[keep].astype(np.float32),
        invvars[keep].astype(np.float32),
    )


def _shares(gmms: Gmms, occupancy: Doubles) -> Doubles:
    """Share of each Gaussian in the occupancy of its pdf; equal shares if that is 0."""
    owner = gmms.owner
    total = np.bincount(owner, occupancy, gmms.num_pdfs)[owner]
    uniform = 1 / np.diff(gmms.offsets)[owner]
    return np.divide(occupancy, total, out=uniform, where=total > 0)


def _updated_moments(
    gmms: Gmms,
    stats: Stats,
    enough: Bools,
    min_variance: float,
) -> tuple[Doubles, Doubles]:
    """means_invvars and invvars; those of Gaussians without `enough` frames as they were."""
    occupancy = np.where(enough, stats.occupancy, 1.0)[:, None]
    mean = stats.first / occupancy
    invvar = 1 / np.maximum(stats.second / occupancy - mean**2, min_variance)
    chosen = enough[:, None]
    means_invvars = np.where(chosen, mean * invvar, gmms.means_invvars)
    return means_invvars, np.where(chosen, invvar, gmms.invvars)


def _last_of_starved(enough: Bools, gmms: Gmms) -> Bools:
    """True for the last Gaussian of each pdf that has none with enough frames."""
    starved = ~np.logical_or.reduceat(enough, gmms.offsets[:-1])
    last = np.zeros(gmms.num_gauss, bool)
    last[gmms.offsets[1:][starved] - 1] = True
    return last
