"""Statistics of frames aligned to pdfs, and re-estimation of the mixtures.

There is no loop over frames. Formulas and thresholds as in Kaldi's gmm-acc-stats-ali and
mle-diag-gmm.cc.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asr_prune.hmm.gmm import Bools, Doubles, Floats, Gmms, Ints, blocks


@dataclass(frozen=True)
class Stats:
    """Sums over frames, float64.

    occupancy [gaussians]; first and second moments [gaussians, dim]; loglike: of all frames.
    """

    occupancy: Doubles
    first: Doubles
    second: Doubles
    loglike: float


@dataclass(frozen=True)
class Block:
    """Some frames of one pdf.

    rows: indices of the frames, int64 [n]; gaussians: those of the pdf; posterior: float32
    [n, gaussians]; loglike: summed over the frames.
    """

    rows: NDArray[np.int64]
    gaussians: slice
    posterior: Floats
    loglike: float


def gmm_posteriors(gmms: Gmms, feats: Floats, pdfs: Ints) -> Iterator[Block]:
    """Posteriors of the Gaussians of each frame's pdf, by pdf and block of frames.

    feats: [frames, dim]; pdfs: [frames], -1 for frames to skip.
    """
    linear, gconsts = gmms.linear, gmms.gconsts
    order = np.argsort(pdfs, kind="stable")
    bounds = np.searchsorted(pdfs, np.arange(gmms.num_pdfs + 1), sorter=order)
    for pdf in np.flatnonzero(np.diff(bounds)):
        gaussians = slice(gmms.offsets[pdf], gmms.offsets[pdf + 1])
        frames = order[bounds[pdf] : bounds[pdf + 1]]
        for block in blocks(len(frames)):
            x = feats[frames[block]]
            scores = np.hstack([x, x * x]) @ linear[gaussians].T + gconsts[gaussians]
            top = scores.max(1, keepdims=True)
            posterior = np.exp(scores - top)
            total = posterior.sum(1, keepdims=True)
            posterior /= total
            loglike = float((np.log(total) + top).sum(dtype=np.float64))
            yield Block(frames[block], gaussians, posterior, loglike)


def accumulate(gmms: Gmms, feats: Floats, pdfs: Ints, moments_of: Floats | None = None) -> Stats:
    """Statistics of feats [frames, dim] aligned to pdfs [frames], -1 for frames to skip.

    moments_of: other features of the same frames, whose moments are accumulated with the
    posteriors of `feats` (gmm-acc-stats-twofeats).
    """
    values = feats if moments_of is None else moments_of
    occupancy = np.zeros(gmms.num_gauss)
    moments = np.zeros((gmms.num_gauss, 2 * values.shape[1]))
    loglike = 0.0
    for block in gmm_posteriors(gmms, feats, pdfs):
        x = values[block.rows]
        occupancy[block.gaussians] += block.posterior.sum(0, dtype=np.float64)
        moments[block.gaussians] += block.posterior.T @ np.hstack([x, x * x])
        loglike += block.loglike
    first, second = moments[:, : values.shape[1]], moments[:, values.shape[1] :]
    return Stats(occupancy, first, second, loglike)


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
