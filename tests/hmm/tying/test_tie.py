from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from asr_prune.errors import UserError
from asr_prune.hmm.align import Alignment, align
from asr_prune.hmm.estimate import Growth, estimate
from asr_prune.hmm.graphs import compile_graphs
from asr_prune.hmm.mono import flat_start, start
from asr_prune.hmm.options import MonoOptions
from asr_prune.hmm.training import search_of
from asr_prune.hmm.tying import tie
from asr_prune.hmm.tying.transitions import Transitions
from asr_prune.hmm.utterances import JoinedUtterances
from asr_prune.lang.lang import Lang

OPTIONS = MonoOptions(
    iterations=4, grow_iterations=2, gaussians=30, initial_beam=50, beam=50, retry_beam=200, acoustic_scale=1
)


def test_from_monophones_to_triphones_and_again(toy: Any) -> None:
    """Kaldi accepts the tied model: it compiles graphs for it, aligns, and what it aligns is tied again."""
    lang, data = Lang.read(toy.lang), JoinedUtterances.join(toy.feats)
    mono = start(lang, data, compile_graphs(lang, flat_start(lang, data), toy.text, data.ids), OPTIONS, 0)
    mono.run("monophones")
    mono.realign()
    model, ids = mono.model, mono.alignment.ids
    for _ in range(2):
        tied = tie(lang, model, ids, data.bounds, data.feats, leaves=40, min_gain=2.0)
        assert 8 <= tied.model.gmms.num_pdfs <= 40
        assert tied.occupancies.sum() == np.count_nonzero(ids)
        before, after = Transitions.of(model.transitions), Transitions.of(tied.model.transitions)
        np.testing.assert_array_equal(after.phone[tied.ids], before.phone[ids])
        estimate(tied.model, data, Alignment(tied.ids), Growth(60, 0.2), np.random.default_rng(0))
        graphs = compile_graphs(lang, tied.model, toy.text, data.ids)
        realigned = align(tied.model, graphs, data, search_of(OPTIONS, lang, tied.model))
        assert realigned.failed == []
        assert (after.phone[realigned.ids] == after.phone[tied.ids]).mean() > 0.95
        model, ids = tied.model, realigned.ids


def test_same_input_same_model(walk: Any) -> None:
    tied = [tie(walk.lang, walk.model, walk.ids, walk.bounds, walk.feats, 40) for _ in range(2)]
    np.testing.assert_array_equal(tied[0].ids, tied[1].ids)
    np.testing.assert_array_equal(tied[0].model.gmms.means_invvars, tied[1].model.gmms.means_invvars)
    assert tied[0].questions == tied[1].questions


def test_features_of_another_kind_than_the_model_was_trained_on(walk: Any) -> None:
    feats = np.hstack([walk.feats, walk.feats[:, :2] ** 2])
    tied = tie(walk.lang, walk.model, walk.ids, walk.bounds, feats, 40)
    assert tied.model.gmms.dim == 5


def test_nothing_aligned(walk: Any) -> None:
    with pytest.raises(UserError, match="no utterance is aligned"):
        tie(walk.lang, walk.model, walk.ids * 0, walk.bounds, walk.feats, 40)
