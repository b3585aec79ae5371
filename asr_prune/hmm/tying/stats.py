"""Statistics of every state of every phone in context (Kaldi: acc-tree-stats)."""

from __future__ import annotations

from dataclasses import dataclass

import kaldi_hmm_gmm as khg
import numpy as np

from asr_prune.hmm.gmm import Doubles, Floats, Ints, Longs, blocks
from asr_prune.hmm.tying.likelihood import summed
from asr_prune.hmm.tying.segments import phone_segments
from asr_prune.hmm.tying.transitions import Transitions

#: in place of the neighbours of context-independent phones
_NO_CONTEXT = -1


@dataclass(frozen=True)
class TreeStats:
    """Moments of features by event: a pdf class of a phone in its window.

    classes: int32 [events]; windows: int32 [events, width], 0 beyond the utterance, -1 for
    neighbours of context-independent phones; moments: float64 [events, 1 + 2 dim], number of
    frames, sums of features and of squares; central: position of the phone itself. Events are
    sorted by class, then window.
    """

    classes: Ints
    windows: Ints
    moments: Doubles
    central: int

    @property
    def phones(self) -> Ints:
        """The phone of each event, int32 [events]."""
        return self.windows[:, self.central]

    def values(self, key: int) -> Ints:
        """Values at `key`: -1 for the pdf class, else a position in the window; int32 [events]."""
        return self.classes if key < 0 else self.windows[:, key]

    @property
    def keys(self) -> range:
        """All keys, the pdf class first."""
        return range(-1, self.windows.shape[1])


def tree_stats(
    transitions: khg.TransitionModel,
    ids: Ints,
    bounds: Longs,
    feats: Floats,
    ci_phones: list[int],
    width: int = 3,
    central: int = 1,
) -> TreeStats:
    """Accumulates feats [frames, dim] by event of an alignment.

    ids, bounds: as for `phone_segments`; ci_phones: context-independent phones,
    whose events differ by pdf class only.
    """
    table = Transitions.of(transitions)
    segments = phone_segments(table, ids, bounds)
    windows = segments.windows(width, central)
    alone = np.ix_(np.isin(segments.phones, ci_phones), np.arange(width) != central)
    windows[alone] = _NO_CONTEXT
    kinds, kind = distinct(windows)
    aligned = segments.owner >= 0
    event = np.full(len(ids), -1)
    event[aligned] = table.pdf_class[ids[aligned]] * len(kinds) + kind[segments.owner[aligned]]
    seen = np.unique(event[aligned])
    index = np.where(aligned, np.searchsorted(seen, event), -1)
    moments = _moments(feats, index, len(seen))
    size = max(len(kinds), 1)
    return TreeStats((seen // size).astype(np.int32), kinds[seen % size], moments, central)


def distinct(rows: Ints) -> tuple[Ints, Longs]:
    """The distinct rows, sorted, and the index of each row among them: [distinct, n], [rows].

    rows: integers from -1, [rows, n].
    """
    code = np.zeros(len(rows), np.int64)
    for column in rows.T:
        code = code * (int(rows.max(initial=0)) + 2) + column + 1
    _, first, inverse = np.unique(code, return_index=True, return_inverse=True)
    return rows[first], inverse


def _moments(feats: Floats, event: Longs, events: int) -> Doubles:
    """Moments [events, 1 + 2 dim] of feats by event [frames], -1 for frames to skip."""
    out = np.zeros((events, 1 + 2 * feats.shape[1]))
    for rows in blocks(len(feats), 16384):
        used = event[rows] >= 0
        x = feats[rows][used].astype(np.float64)
        kinds, kind = np.unique(event[rows][used], return_inverse=True)
        values = np.hstack([np.ones((len(x), 1)), x, x * x])
        out[kinds] += summed(values, kind, len(kinds))
    return out
