"""Statistics of every state of every phone in context (Kaldi: acc-tree-stats)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

import kaldi_hmm_gmm as khg
import numpy as np

from asr_prune.hmm.gmm import Doubles, Floats, Ints, Longs, blocks
from asr_prune.hmm.tying.likelihood import summed
from asr_prune.hmm.tying.segments import phone_segments
from asr_prune.hmm.tying.transitions import Transitions
from asr_prune.spread.pieces import PieceWorkers, runs

#: frames that are summed at a time, and of a task
_BLOCK, _TASK_FRAMES = 16384, 65536
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
    workers: PieceWorkers | None = None,
) -> TreeStats:
    """Accumulates feats [frames, dim] by event of an alignment.

    ids, bounds: as for `phone_segments`; ci_phones: context-independent phones,
    whose events differ by pdf class only; workers: other processes, None for this one alone.
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
    moments = _moments(feats, index, len(seen), workers)
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


def _moments(feats: Floats, event: Longs, events: int, workers: PieceWorkers | None) -> Doubles:
    """Moments [events, 1 + 2 dim] of feats by event [frames], -1 for frames to skip."""
    out = np.zeros((events, 1 + 2 * feats.shape[1]))
    parts: Iterable[list[tuple[Longs, Doubles]]]
    all_rows = list(blocks(len(feats), _BLOCK))
    if workers is None:
        parts = (block_moments(feats, event, [rows]) for rows in all_rows)
    else:
        found = runs([_BLOCK] * len(all_rows), _TASK_FRAMES)
        pieces = [{"rows": all_rows[run.start : run.stop]} for run in found]
        arrays: dict[str, np.ndarray] = {"feats": feats, "event": event}
        parts = workers.map("asr_prune.hmm.tying.stats:block_moments", pieces, {}, arrays)
    for kinds, sums in chain.from_iterable(parts):
        out[kinds] += sums
    return out


def block_moments(feats: Floats, event: Longs, rows: list[slice]) -> list[tuple[Longs, Doubles]]:
    """A piece: the events in each of these blocks of frames, and their moments."""
    found = []
    for block in rows:
        used = event[block] >= 0
        x = feats[block][used].astype(np.float64)
        kinds, kind = np.unique(event[block][used], return_inverse=True)
        values = np.hstack([np.ones((len(x), 1)), x, x * x])
        found.append((kinds, summed(values, kind, len(kinds))))
    return found
