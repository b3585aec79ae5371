"""Statistics of frames aligned to pdfs (Kaldi: gmm-acc-stats-ali). There is no loop over frames."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from asr_prune.hmm.gmm import Doubles, Floats, Gmms, Ints, Longs, blocks
from asr_prune.hmm.utterances import JoinedUtterances
from asr_prune.spread.pieces import runs

#: frames that are one task, about
_TASK_FRAMES = 65536


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


@dataclass(frozen=True)
class ByPdf:
    """Frames sorted by their pdf.

    order: their rows, int64 [frames]; bounds: of the pdfs in it, int64 [pdfs + 1].
    """

    order: Longs
    bounds: Longs

    @classmethod
    def of(cls, pdfs: Ints, num_pdfs: int) -> ByPdf:
        """pdfs: [frames], -1 for frames to skip."""
        order = np.argsort(pdfs, kind="stable")
        return cls(order, np.searchsorted(pdfs, np.arange(num_pdfs + 1), sorter=order))

    @property
    def whole(self) -> range:
        """The places in `order` of all frames that are not skipped."""
        return range(int(self.bounds[0]), int(self.bounds[-1]))

    def pieces(self, least: int) -> list[range]:
        """Runs of whole blocks: places in `order`."""
        pdfs = zip(self.bounds[:-1].tolist(), np.diff(self.bounds).tolist(), strict=True)
        starts = [begin + block.start for begin, count in pdfs for block in blocks(count)]
        ends = [*starts[1:], self.whole.stop]
        sizes = [end - start for start, end in zip(starts, ends, strict=True)]
        return [range(starts[run.start], ends[run.stop - 1]) for run in runs(sizes, least)]


def gmm_posteriors(gmms: Gmms, feats: Floats, pdfs: Ints) -> Iterator[Block]:
    """Posteriors of the Gaussians of each frame's pdf, by pdf and block of frames.

    feats: [frames, dim]; pdfs: [frames], -1 for frames to skip.
    """
    frames = ByPdf.of(pdfs, gmms.num_pdfs)
    yield from _posteriors(gmms, feats, frames.order, frames.bounds, frames.whole)


def _posteriors(
    gmms: Gmms,
    feats: Floats,
    order: Longs,
    bounds: Longs,
    piece: range,
) -> Iterator[Block]:
    linear, gconsts = gmms.linear, gmms.gconsts
    begins, ends = bounds[:-1].clip(piece.start), bounds[1:].clip(max=piece.stop)
    for pdf in np.flatnonzero(begins < ends):
        gaussians = slice(gmms.offsets[pdf], gmms.offsets[pdf + 1])
        frames = order[begins[pdf] : ends[pdf]]
        for block in blocks(len(frames)):
            x = feats[frames[block]]
            scores = np.hstack([x, x * x]) @ linear[gaussians].T + gconsts[gaussians]
            top = scores.max(1, keepdims=True)
            posterior = np.exp(scores - top)
            total = posterior.sum(1, keepdims=True)
            posterior /= total
            loglike = float((np.log(total) + top).sum(dtype=np.float64))
            yield Block(frames[block], gaussians, posterior, loglike)


@dataclass
class StatsPart:
    """Sums over a piece of the frames; `sum_of_parts` adds parts as if they were one.

    occupancy [gaussians], moments [gaussians, 2 dim]: float64, of the Gaussians from `first` on,
    whose pdfs begin in the piece; begun: of each block of a pdf that began before it; loglikes: of
    each block.
    """

    first: int
    occupancy: Doubles
    moments: Doubles
    begun: list[tuple[slice, Doubles, Floats]] = field(default_factory=list)
    loglikes: list[float] = field(default_factory=list)


def stats_part(
    gmms: Gmms,
    feats: Floats,
    order: Longs,
    bounds: Longs,
    piece: range,
    values: Floats,
) -> StatsPart:
    """A piece of `accumulate`. order, bounds: as in `ByPdf`; piece: places in `order`, whole
    blocks; values: features whose moments are accumulated.
    """
    first, last = (gmms.offsets[np.searchsorted(bounds, end)] for end in (piece.start, piece.stop))
    shape = last - first, 2 * values.shape[1]
    part = StatsPart(int(first), np.zeros(shape[0]), np.zeros(shape))
    for block in _posteriors(gmms, feats, order, bounds, piece):
        x = values[block.rows]
        occupancy = block.posterior.sum(0, dtype=np.float64)
        moments = block.posterior.T @ np.hstack([x, x * x])
        part.loglikes.append(block.loglike)
        if block.gaussians.start < first:
            part.begun.append((block.gaussians, occupancy, moments))
            continue
        own = slice(block.gaussians.start - first, block.gaussians.stop - first)
        part.occupancy[own] += occupancy
        part.moments[own] += moments
    return part


def sum_of_parts(gmms: Gmms, parts: Iterable[StatsPart], dim: int) -> Stats:
    """The statistics of all pieces, which come in order; dim: of the features of the moments."""
    occupancy, moments, loglike = np.zeros(gmms.num_gauss), np.zeros((gmms.num_gauss, 2 * dim)), 0.0
    for part in parts:
        for gaussians, own_occupancy, own_moments in part.begun:
            occupancy[gaussians] += own_occupancy
            moments[gaussians] += own_moments
        rows = slice(part.first, part.first + len(part.occupancy))
        occupancy[rows], moments[rows] = part.occupancy, part.moments
        for value in part.loglikes:
            loglike += value
    return Stats(occupancy, moments[:, :dim], moments[:, dim:], loglike)


def accumulate(gmms: Gmms, feats: Floats, pdfs: Ints, moments_of: Floats | None = None) -> Stats:
    """Statistics of feats [frames, dim] aligned to pdfs [frames], -1 for frames to skip.

    moments_of: other features of the same frames, whose moments are accumulated with the
    posteriors of `feats` (gmm-acc-stats-twofeats).
    """
    values, frames = feats if moments_of is None else moments_of, ByPdf.of(pdfs, gmms.num_pdfs)
    whole = stats_part(gmms, feats, frames.order, frames.bounds, frames.whole, values)
    return sum_of_parts(gmms, [whole], values.shape[1])


def statistics(
    gmms: Gmms,
    data: JoinedUtterances,
    frames: ByPdf,
    moments_of: JoinedUtterances | None = None,
) -> Stats:
    """As `accumulate`, of all frames of `data`, by its workers if it has any."""
    values = (moments_of or data).feats
    if data.workers is None:
        whole = stats_part(gmms, data.feats, frames.order, frames.bounds, frames.whole, values)
        return sum_of_parts(gmms, [whole], values.shape[1])
    pieces = [{"piece": piece} for piece in frames.pieces(_TASK_FRAMES)]
    arrays: dict[str, np.ndarray] = {"feats": data.feats, "order": frames.order, "values": values}
    common = {"gmms": gmms, "bounds": frames.bounds}
    parts = data.workers.map("asr_prune.hmm.gmm_stats:stats_part", pieces, common, arrays)
    return sum_of_parts(gmms, parts, values.shape[1])
