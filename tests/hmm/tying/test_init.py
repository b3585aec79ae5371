from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from asr_prune.errors import UserError
from asr_prune.hmm.tying.build import build_tree, num_leaves
from asr_prune.hmm.tying.init import initial_model
from asr_prune.hmm.tying.stats import tree_stats


def test_each_pdf_has_the_gaussian_of_its_frames(walk: Any, caplog: pytest.LogCaptureFixture) -> None:
    stats = walk.stats
    tree = build_tree(stats, walk.lang.shared, walk.questions, 40)
    model, occupancies = initial_model(tree, walk.model.transitions.topo, stats)
    assert model.gmms.num_pdfs == model.transitions.num_pdfs == model.tree.num_pdfs == num_leaves(tree)
    assert occupancies.sum() == np.count_nonzero(walk.ids)
    pdfs = [
        model.tree.compute(np.maximum(window, 0).tolist(), int(c))[1]
        for c, window in zip(stats.classes, stats.windows, strict=True)
    ]
    everything = stats.moments.sum(0)
    for pdf in range(num_leaves(tree)):
        own = stats.moments[np.array(pdfs) == pdf].sum(0)
        assert occupancies[pdf] == own[0]
        count, first, second = np.split(own if own[0] else everything, [1, 4])
        variance = np.maximum(second / count - (first / count) ** 2, 0.01)
        np.testing.assert_allclose(1 / model.gmms.invvars[pdf], variance, rtol=1e-4)
        np.testing.assert_allclose(model.gmms.means_invvars[pdf], first / count / variance, rtol=1e-4, atol=1e-5)
    assert (model.gmms.weights == 1).all()
    assert f"1 of {num_leaves(tree)} pdfs have no frames" in caplog.text


def test_constant_features_keep_the_floor(walk: Any) -> None:
    stats = tree_stats(walk.model.transitions, walk.ids, walk.bounds, walk.feats * 0 + 4, walk.lang.silence)
    tree = build_tree(stats, walk.lang.shared, walk.questions, 40)
    model, _ = initial_model(tree, walk.model.transitions.topo, stats)
    np.testing.assert_allclose(model.gmms.invvars, 100)


def test_nothing_aligned(walk: Any) -> None:
    stats = tree_stats(walk.model.transitions, walk.ids * 0, walk.bounds, walk.feats, walk.lang.silence)
    tree = build_tree(walk.stats, walk.lang.shared, walk.questions, 40)
    with pytest.raises(UserError, match="no utterance is aligned"):
        initial_model(tree, walk.model.transitions.topo, stats)
