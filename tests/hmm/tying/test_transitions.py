from __future__ import annotations

from typing import Any

import numpy as np

from asr_prune.hmm.tying.transitions import Transitions


def test_agrees_with_kaldi(walk: Any) -> None:
    model = walk.model.transitions
    table = Transitions.of(model)
    for i in range(1, model.num_transition_ids + 1):
        assert table.phone[i] == model.transition_id_to_phone(i)
        assert table.self_loop[i] == model.is_self_loop(i)
        assert table.final[i] == model.is_final(i)
        phone, pdf_class = int(table.phone[i]), int(table.pdf_class[i])
        assert walk.model.tree.compute([phone], pdf_class) == (True, model.transition_id_to_pdf(i))
        assert model.state2id[model.id2state[i]] + table.index[i] == i
    assert [array[0] for array in (table.phone, table.hmm_state, table.pdf_class, table.index)] == [-1] * 4


def test_states_of_the_walk(walk: Any) -> None:
    aligned = walk.ids > 0
    table = Transitions.of(walk.model.transitions)
    np.testing.assert_array_equal(table.hmm_state[walk.ids[aligned]], walk.states[aligned])
