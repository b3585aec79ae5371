"""Statistics of the states of phones in context (Kaldi: acc-tree-stats, tree-accu.cc; clusterable-classes.cc)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from asr_prune.hmm.gmm import LOG_2PI, Doubles, Floats, Ints
from asr_prune.hmm.tying.segments import Ids, Segments

VARIANCE_FLOOR = 0.01
ABSENT = -1  # in a place of the window that a context-independent phone does not look at


@dataclass(frozen=True)
class TreeStats:
    """One row per state of a phone in context that was seen.

    events: int32 [rows, 1 + width], the pdf class and then the phones of the window; sums: float64 [rows, 1 + 2 dim],
    frames, sums and sums of squares.
    """

    events: Ints
    sums: Doubles

    @property
    def width(self) -> int:
        return self.events.shape[1] - 1


def tree_stats(
    ids: Ids, alignment: Ints, segments: Segments, feats: Floats, alone: list[int], width: int = 3, central: int = 1
) -> TreeStats:
    """Gathers feats [all frames, dim] under an alignment by pdf class and phones in context.

    alone: phones that do not look at their context (silence).
    """
    windows = segments.windows(width, central)
    blind = np.isin(segments.phones, alone)
    windows[blind[:, None] & (np.arange(width) != central)] = ABSENT
    classes = ids.pdf_class[alignment[segments.frames]]
    events, row = np.unique(np.column_stack([classes, windows[segments.of]]), axis=0, return_inverse=True)
    order = np.argsort(row, kind="stable")
    starts = np.searchsorted(row, np.arange(len(events)), sorter=order)
    x = feats[segments.frames[order]].astype(np.float64)
    frames = np.bincount(row, minlength=len(events)).astype(np.float64)
    moments = [np.add.reduceat(values, starts, axis=0) for values in (x, x * x)]
    return TreeStats(events.astype(np.int32), np.hstack([frames[:, None], *moments]))


def log_likelihood(sums: Doubles, floor: float = VARIANCE_FLOOR) -> Doubles:
    """Of frames under the one Gaussian that fits them best, float64 [...]; sums [..., 1 + 2 dim], 0 for no frames."""
    dim = sums.shape[-1] // 2
    some = sums[..., :1] > 0.5
    count = np.where(some, sums[..., :1], 1.0)
    variance = sums[..., 1 + dim :] / count - (sums[..., 1 : 1 + dim] / count) ** 2
    floored = np.maximum(variance, floor)
    each = np.log(floored).sum(-1) + (variance / floored).sum(-1) + dim * LOG_2PI
    return np.where(some[..., 0], -0.5 * sums[..., 0] * each, 0.0)
