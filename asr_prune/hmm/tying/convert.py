"""Alignments of one model as those of another with the same topology (Kaldi: convert-ali)."""

from __future__ import annotations

import kaldi_hmm_gmm as khg
import numpy as np

from asr_prune.hmm.gmm import Ints, Longs
from asr_prune.hmm.model import HmmModel
from asr_prune.hmm.tree import Tree
from asr_prune.hmm.tying.lookup import leaves_of
from asr_prune.hmm.tying.segments import phone_segments
from asr_prune.hmm.tying.stats import distinct
from asr_prune.hmm.tying.transitions import Transitions


def convert_alignment(old: khg.TransitionModel, new: HmmModel, ids: Ints, bounds: Longs) -> Ints:
    """The same states of the same phones, with the pdfs that the tree of `new` gives them; int32 [frames].

    ids: transition-ids of `old` [frames], as `phone_segments` reads them; what is not aligned, or not made of whole phones, is 0.
    """
    table, tree = Transitions.of(old), Tree.from_khg(new.tree)
    segments = phone_segments(table, ids, bounds)
    windows, window = distinct(segments.windows(tree.width, tree.central))
    aligned = segments.owner >= 0
    size = old.num_transition_ids + 1
    seen, event = np.unique(window[segments.owner[aligned]] * size + ids[aligned], return_inverse=True)
    out = np.zeros(len(ids), np.int32)
    out[aligned] = _converted(table, tree, new.transitions, windows[seen // size], seen % size)[event]
    return out


def _converted(table: Transitions, tree: Tree, new: khg.TransitionModel, windows: Ints, ids: Longs) -> Ints:
    """The new transition-id of each old one in its window [n, width]."""
    forward, loop = (leaves_of(tree, kind[ids], windows) for kind in (table.forward_class, table.loop_class))
    numbers = {entry.__getstate__()[:4]: number for number, entry in enumerate(new.tuples, 1)}
    states = np.stack([table.phone[ids], table.hmm_state[ids], forward, loop], axis=1)
    state = np.array([numbers[tuple(row)] for row in states.tolist()], np.int64)
    return (np.asarray(new.state2id, np.int64)[state] + table.index[ids]).astype(np.int32)
