from __future__ import annotations

from collections.abc import Callable
from inspect import signature

import kaldi_hmm_gmm as khg
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asr_prune.hmm.gmm import Gmms
from asr_prune.hmm.gmm_stats import Stats, accumulate
from asr_prune.hmm.gmm_update import update
from asr_prune.hmm.kaldi_model import unpickled

Make = Callable[[int, int, int], Gmms]
ALL = int(khg.GmmUpdateFlags.kGmmAll)


def to_khg(gmms: Gmms) -> khg.AmDiagGmm:
    own = [slice(gmms.offsets[p], gmms.offsets[p + 1]) for p in range(gmms.num_pdfs)]
    state = [array[s] for s in own for array in (gmms.weights, gmms.invvars, gmms.means_invvars)]
    am = unpickled(khg.AmDiagGmm, tuple(state))
    am.compute_gconsts()
    return am


def khg_stats(gmms: Gmms, feats: np.ndarray, pdfs: np.ndarray) -> tuple[khg.AccumAmDiagGmm, float]:
    """Frame by frame in kaldi-hmm-gmm."""
    am, accumulated = to_khg(gmms), khg.AccumAmDiagGmm()
    accumulated.init(am, ALL)
    loglike = sum(accumulated.accumulate_for_gmm(am, x, p, 1.0) for x, p in zip(feats, pdfs, strict=True) if p >= 0)
    return accumulated, loglike


def data(seed: int, frames: int, dim: int, pdfs: int) -> tuple[np.ndarray, np.ndarray]:
    dice = np.random.default_rng(seed)
    return dice.normal(0, 1.5, (frames, dim)).astype(np.float32), dice.integers(-1, pdfs, frames).astype(np.int32)


@settings(max_examples=20)
@given(seed=st.integers(0, 10**6), frames=st.integers(1, 60), dim=st.integers(1, 4))
def test_statistics_as_kaldis_frame_by_frame(random_gmms: Make, seed: int, frames: int, dim: int) -> None:
    gmms = random_gmms(seed, 4, dim)
    feats, pdfs = data(seed, frames, dim, 4)
    stats = accumulate(gmms, feats, pdfs)
    expected, loglike = khg_stats(gmms, feats, pdfs)
    assert stats.loglike == pytest.approx(loglike, rel=1e-4, abs=1e-3)
    for pdf in range(4):
        own, acc = slice(gmms.offsets[pdf], gmms.offsets[pdf + 1]), expected.get_acc(pdf)
        np.testing.assert_allclose(stats.occupancy[own], acc.occupancy.ravel(), atol=1e-4)
        np.testing.assert_allclose(stats.first[own], acc.mean_accumulator, atol=1e-3)
        np.testing.assert_allclose(stats.second[own], acc.variance_accumulator, atol=1e-3)


def test_statistics_over_more_frames_than_a_block(random_gmms: Make) -> None:
    gmms = random_gmms(3, 2, 2)
    feats, pdfs = data(3, 5000, 2, 2)
    stats = accumulate(gmms, feats, pdfs)
    parts = [accumulate(gmms, feats[rows], pdfs[rows]) for rows in (slice(9), slice(9, None))]
    np.testing.assert_allclose(stats.second, parts[0].second + parts[1].second, rtol=1e-4)
    assert stats.occupancy.sum() == pytest.approx((pdfs >= 0).sum(), rel=1e-5)


@settings(max_examples=20)
@given(seed=st.integers(0, 10**6), frames=st.integers(0, 250))
def test_update_as_kaldis(random_gmms: Make, seed: int, frames: int) -> None:
    """Some Gaussians get fewer than ten frames and go; a pdf that keeps none keeps its last."""
    gmms = random_gmms(seed, 4, 2)
    feats, pdfs = data(seed, frames, 2, 4)
    made = update(gmms, accumulate(gmms, feats, pdfs))
    am = to_khg(gmms)
    khg.mle_am_diag_gmm_update(khg.MleDiagGmmOptions(), khg_stats(gmms, feats, pdfs)[0], ALL, am)
    for pdf in range(4):
        own, theirs = slice(made.offsets[pdf], made.offsets[pdf + 1]), am.get_pdf(pdf)
        np.testing.assert_allclose(made.weights[own], theirs.weights.ravel(), atol=1e-4)
        np.testing.assert_allclose(made.means_invvars[own], theirs.means_invvars, rtol=2e-3, atol=2e-3)
        np.testing.assert_allclose(made.invvars[own], theirs.inv_vars, rtol=2e-3)


def test_defaults_of_the_update_are_kaldis() -> None:
    kaldis, own = khg.MleDiagGmmOptions(), signature(update).parameters
    assert own["min_weight"].default == pytest.approx(kaldis.min_gaussian_weight)
    assert own["min_occupancy"].default == pytest.approx(kaldis.min_gaussian_occupancy)
    assert own["min_variance"].default == pytest.approx(kaldis.min_variance)
    assert own["remove"].default == kaldis.remove_low_count_gaussians


def test_variances_are_floored() -> None:
    gmms = Gmms.flat(1, np.zeros(1), np.ones(1))
    made = update(gmms, Stats(np.array([20.0]), np.array([[40.0]]), np.array([[80.0]]), 0.0))
    assert made.invvars[0, 0] == pytest.approx(1000)
