from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from asr_prune.decode.gmm import gmm_log_likelihoods
from asr_prune.errors import UserError
from asr_prune.hmm.gmm import Scorer
from asr_prune.hmm.model import HmmModel


def test_scores_of_the_pass(recogniser: Any) -> None:
    feats = {"a": np.random.default_rng(0).normal(size=(7, 2)).astype(np.float32)}
    result = dict(gmm_log_likelihoods(recogniser.hmm, feats))
    np.testing.assert_array_equal(result["a"], Scorer(HmmModel.load(recogniser.hmm).gmms)(feats["a"]))
    assert result["a"].shape == (7, recogniser.pdfs)


def test_features_of_another_kind(recogniser: Any) -> None:
    with pytest.raises(UserError, match="dimension 3"):
        dict(gmm_log_likelihoods(recogniser.hmm, {"a": np.zeros((4, 3), np.float32)}))
