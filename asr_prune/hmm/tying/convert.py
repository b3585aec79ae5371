"""Converting an alignment to another model with the same topology (Kaldi: convert-ali)."""

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
    """The same states of the same phones as transition-ids of `new`, int32 [frames].

    ids: transition-ids of `old` [frames], as for `phone_segments`; frames that are not aligned, or
    whose utterance does not consist of whole phones, are 0.
    """
    table, tree = Transitions.of(old), Tree.from_khg(new.tree)
    segments = phone_segments(table, ids, bounds)
    windows, window = distinct(segments.windows(tree.width, tree.central))
    aligned = segments.owner >= 0
    size = old.num_transition_ids + 1
    code = window[segments.owner[aligned]] * size + ids[aligned]
    seen, event = np.unique(code, return_inverse=True)
    out = np.zeros(len(ids), np.int32)
    converted = _converted(table, tree, new.transitions, windows[seen // size], seen % size)
    out[aligned] = converted[event]
    return out


def _converted(
    table: Transitions,
    tree: Tree,
    new: khg.TransitionModel,
    windows: Ints,
    ids: Longs,
) -> Ints:
    """The new transition-id of each old one; windows: [n, width]."""
    kinds = table.forward_class, table.loop_class
    forward, loop = (leaves_of(tree, kind[ids], windows) for kind in kinds)
    numbers = {entry.__getstate__()[:4]: number for number, entry in enumerate(new.tuples, 1)}
    states = np.stack([table.phone[ids], table.hmm_state[ids], forward, loop], axis=1)
    state = np.array([numbers[tuple(row)] for row in states.tolist()], np.int64)
    return (np.asarray(new.state2id, np.int64)[state] + table.index[ids]).astype(np.int32)
