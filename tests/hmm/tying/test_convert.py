from __future__ import annotations

from typing import Any

import numpy as np

from asr_prune.hmm.tying.build import build_tree
from asr_prune.hmm.tying.convert import convert_alignment
from asr_prune.hmm.tying.init import initial_model
from asr_prune.hmm.tying.transitions import Transitions


def test_there_and_back(walk: Any) -> None:
    old = walk.model.transitions
    tree = build_tree(walk.stats, walk.lang.shared, walk.questions, 64, min_gain=30.0)
    new, _ = initial_model(tree, old.topo, walk.stats)
    ids = convert_alignment(old, new, walk.ids, walk.bounds)
    assert ids.dtype == np.int32
    before, after = Transitions.of(old), Transitions.of(new.transitions)
    for name in ("phone", "hmm_state", "pdf_class", "index", "self_loop", "final"):
        np.testing.assert_array_equal(getattr(after, name)[ids], getattr(before, name)[walk.ids])
    np.testing.assert_array_equal(convert_alignment(new.transitions, walk.model, ids, walk.bounds), walk.ids)
    np.testing.assert_array_equal(convert_alignment(new.transitions, new, ids, walk.bounds), ids)


def test_pdfs_are_those_of_the_tree(walk: Any) -> None:
    tree = build_tree(walk.stats, walk.lang.shared, walk.questions, 64, min_gain=30.0)
    new, _ = initial_model(tree, walk.model.transitions.topo, walk.stats)
    ids = convert_alignment(walk.model.transitions, new, walk.ids, walk.bounds)
    for utterance, truth in enumerate(walk.phones):
        frame = walk.bounds[utterance]
        spoken = [0, *(phone for phone, _ in truth), 0]
        for i, (_, length) in enumerate(truth):
            for t in range(frame, frame + length):
                if utterance == 3:
                    assert ids[t] == 0
                else:
                    expected = new.tree.compute(spoken[i : i + 3], int(walk.states[t]))
                    assert expected == (True, new.transitions.transition_id_to_pdf(int(ids[t])))
            frame += length
