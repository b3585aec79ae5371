"""Adding Gaussians by splitting (Kaldi: GetSplitTargets in model-common.cc, DiagGmm::Split)."""

from __future__ import annotations

import heapq

import numpy as np
from numpy.typing import NDArray

from asr_prune.hmm.gmm import Doubles, Floats, Gmms


def split(
    gmms: Gmms,
    frames: Doubles,
    target: int,
    power: float,
    rng: np.random.Generator,
    min_count: float = 20.0,
    perturb: float = 0.01,
) -> Gmms:
    """Grows to `target` Gaussians, allotted by `split_targets`.

    The heaviest Gaussian of a pdf is split into two of half its weight, whose means are perturbed
    in opposite directions.
    """
    targets = split_targets(frames, target, power, min_count)
    parts = []
    for pdf in range(gmms.num_pdfs):
        rows = slice(gmms.offsets[pdf], gmms.offsets[pdf + 1])
        arrays = gmms.weights[rows], gmms.means_invvars[rows], gmms.invvars[rows]
        parts.append(_split_pdf(*arrays, int(targets[pdf]), perturb, rng))
    weights, means, invvars = (np.concatenate(column) for column in zip(*parts, strict=True))
    sizes = [len(part[0]) for part in parts]
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    return Gmms(offsets, weights, means, invvars)


def split_targets(frames: Doubles, target: int, power: float, min_count: float) -> NDArray[np.int64]:
    """Number of Gaussians of each pdf, int64 [pdfs].

    One each, then one at a time to the pdf with the highest frames**power per Gaussian, as long as
    every Gaussian keeps `min_count` frames.
    """
    counts = np.ones(len(frames), np.int64)
    queue = [(-occ, pdf) for pdf, occ in enumerate(frames**power)]
    heapq.heapify(queue)
    while queue and counts.sum() < target:
        _, pdf = heapq.heappop(queue)
        if (counts[pdf] + 1) * min_count >= frames[pdf]:
            continue
        counts[pdf] += 1
        heapq.heappush(queue, (-(frames[pdf] ** power) / counts[pdf], pdf))
    return counts


def _split_pdf(
    weights: Floats,
    means: Floats,
    invvars: Floats,
    target: int,
    perturb: float,
    rng: np.random.Generator,
) -> tuple[Floats, Floats, Floats]:
    while len(weights) < target:
        heaviest = int(weights.argmax())
        weights = np.append(weights, weights[heaviest] / 2).astype(np.float32)
        weights[heaviest] /= 2
        noise = perturb * rng.standard_normal(means.shape[1])
        shift = (noise * np.sqrt(invvars[heaviest])).astype(np.float32)
        means = np.vstack([means, means[heaviest] + shift])
        means[heaviest] -= shift
        invvars = np.vstack([invvars, invvars[heaviest]])
    return weights, means, invvars
