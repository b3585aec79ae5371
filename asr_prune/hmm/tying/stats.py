"""Statistics of each state of each phone in context (Kaldi: acc-tree-stats)."""

from __future__ import annotations

from dataclasses import dataclass

import kaldi_hmm_gmm as khg
import numpy as np

from asr_prune.hmm.gmm import Doubles, Floats, Ints, Longs, blocks
from asr_prune.hmm.tying.likelihood import summed
from asr_prune.hmm.tying.segments import phone_segments
from asr_prune.hmm.tying.transitions import Transitions

_NO_CONTEXT = -1


@dataclass(frozen=True)
class TreeStats:
    """Sums of features by event: a pdf class of a phone in its window.

    classes int32 [events]; windows int32 [events, width], 0 beyond the utterance, -1 where nothing may be asked because
    the phone is context-independent; moments float64 [events, 1 + 2 dim]: frames, sums of features and of squares;
    central: place of the phone itself. Events are sorted by class, then window.
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
        """What Kaldi's event has at `key`: -1 for the pdf class, else a place in the window; int32 [events]."""
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
    """Sums feats [frames, dim] by event of the alignment ids [frames], bounds [utterances + 1], as `phone_segments` reads it.

    Phones of `ci_phones`, which are context-independent, differ by pdf class only.
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
    moments = _moments(feats, np.where(aligned, np.searchsorted(seen, event), -1), len(seen))
    return TreeStats((seen // max(len(kinds), 1)).astype(np.int32), kinds[seen % max(len(kinds), 1)], moments, central)


def distinct(rows: Ints) -> tuple[Ints, Longs]:
    """The different rows, sorted, of integers from -1, and where each row is among them: [different, n], [rows]."""
    code = np.zeros(len(rows), np.int64)
    for column in rows.T:
        code = code * (int(rows.max(initial=0)) + 2) + column + 1
    _, first, inverse = np.unique(code, return_index=True, return_inverse=True)
    return rows[first], inverse


def _moments(feats: Floats, event: Longs, events: int) -> Doubles:
    """Moments [events, 1 + 2 dim] of feats [frames, dim] by event [frames], -1 for none."""
    out = np.zeros((events, 1 + 2 * feats.shape[1]))
    for rows in blocks(len(feats), 16384):
        own = event[rows] >= 0
        x = feats[rows][own].astype(np.float64)
        kinds, kind = np.unique(event[rows][own], return_inverse=True)
        out[kinds] += summed(np.hstack([np.ones((len(x), 1)), x, x * x]), kind, len(kinds))
    return out
