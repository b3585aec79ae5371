from __future__ import annotations

from collections.abc import Callable

import kaldi_hmm_gmm as khg
import numpy as np
import pytest

from asr_prune.hmm.gmm import Gmms, Scorer
from asr_prune.hmm.kaldi_model import unpickled

Make = Callable[[int, int, int], Gmms]


def to_khg(gmms: Gmms) -> khg.AmDiagGmm:
    own = [slice(gmms.offsets[p], gmms.offsets[p + 1]) for p in range(gmms.num_pdfs)]
    state = [array[s] for s in own for array in (gmms.weights, gmms.invvars, gmms.means_invvars)]
    return unpickled(khg.AmDiagGmm, tuple(state))


def slow_log_likelihood(gmms: Gmms, pdf: int, x: np.ndarray) -> float:
    """The density of a mixture, term by term."""
    total = 0.0
    for g in range(gmms.offsets[pdf], gmms.offsets[pdf + 1]):
        density = float(gmms.weights[g])
        for d in range(gmms.dim):
            variance = 1 / float(gmms.invvars[g, d])
            mean = float(gmms.means_invvars[g, d]) * variance
            density *= np.exp(-((x[d] - mean) ** 2) / (2 * variance)) / np.sqrt(2 * np.pi * variance)
        total += density
    return float(np.log(total))


@pytest.mark.parametrize(("frames", "dim"), [(1, 1), (7, 3), (1500, 2)])
def test_likelihoods_as_the_slow_sum_and_as_kaldi(random_gmms: Make, frames: int, dim: int) -> None:
    gmms = random_gmms(frames, 5, dim)
    feats = np.random.default_rng(0).normal(0, 2, (frames, dim)).astype(np.float32)
    scores = Scorer(gmms)(feats)
    assert scores.shape == (frames, 5)
    assert scores.dtype == np.float32
    am = to_khg(gmms)
    am.compute_gconsts()
    for t in range(0, frames, max(1, frames // 9)):
        for pdf in range(5):
            assert scores[t, pdf] == pytest.approx(slow_log_likelihood(gmms, pdf, feats[t]), rel=1e-4, abs=1e-3)
            assert scores[t, pdf] == pytest.approx(am.log_likelihood(pdf, feats[t]), rel=1e-4, abs=1e-3)


def test_far_frames_stay_finite(random_gmms: Make) -> None:
    assert np.isfinite(Scorer(random_gmms(1, 4, 2))(np.full((3, 2), 1e4, np.float32))).all()


def test_boost_is_a_constant_on_the_pdfs_named(random_gmms: Make) -> None:
    gmms, feats = random_gmms(2, 4, 3), np.random.default_rng(1).normal(size=(6, 3)).astype(np.float32)
    change = Scorer(gmms.boosted([1, 3], 1.25))(feats) - Scorer(gmms)(feats)
    assert change == pytest.approx(np.tile([0, np.log(1.25)] * 2, (6, 1)), abs=1e-4)
