"""LDA, MLLT and fMLLR: against loops over frames, against numerical maximisation, and on data with
a known answer.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asr_prune.errors import UserError
from asr_prune.hmm.fmllr import Fmllr, adapted, compose, estimate_fmllr, transformed
from asr_prune.hmm.gmm import Gmms
from asr_prune.hmm.gmm_stats import accumulate
from asr_prune.hmm.lda import lda
from asr_prune.hmm.mllt import mllt, move_means, scatter
from asr_prune.hmm.row_update import maximise
from asr_prune.hmm.utterances import JoinedUtterances

Make = Callable[[int, int, int], Gmms]


def objective(rows: np.ndarray, count: float, linear: np.ndarray, quadratic: np.ndarray) -> float:
    dim = len(rows)
    value = count * np.log(abs(np.linalg.det(rows[:, :dim])))
    return float(value + sum(rows[i] @ linear[i] - rows[i] @ quadratic[i] @ rows[i] / 2 for i in range(dim)))


@settings(max_examples=25)
@given(seed=st.integers(0, 10_000), dim=st.integers(1, 4), affine=st.booleans())
def test_no_step_away_from_the_maximum_is_better(seed: int, dim: int, affine: bool) -> None:
    dice = np.random.default_rng(seed)
    columns = dim + affine
    roots = dice.normal(size=(2, dim, columns, 2 * columns))
    quadratic = roots @ roots.transpose(0, 1, 3, 2) + np.eye(columns)
    linear, count = dice.normal(size=(2, dim, columns)), dice.uniform(1, 20, 2)
    done = maximise(count, linear, quadratic, 300)
    for s in range(2):
        best = objective(done[s], count[s], linear[s], quadratic[s])
        for _ in range(20):
            step = 1e-3 * dice.normal(size=done[s].shape)
            assert objective(done[s] + step, count[s], linear[s], quadratic[s]) <= best + 1e-7


def test_lda_separates_the_classes() -> None:
    """Three classes that differ along one direction; variance within becomes 1, the direction comes
    first.
    """
    dice = np.random.default_rng(0)
    classes = dice.integers(-1, 3, 6000).astype(np.int32)
    feats = dice.normal(size=(6000, 4)) * [5, 1, 1, 3]
    feats[:, 2] += 4.0 * classes
    feats[classes < 0] += 100
    matrix = lda(feats.astype(np.float32), classes, 2)
    assert abs(matrix[0, 2]) > 5 * np.abs(matrix[0, [0, 1, 3]]).max()
    reduced = feats[classes >= 0] @ matrix.T
    own = classes[classes >= 0]
    within = sum(np.cov(reduced[own == c].T, bias=True) * (own == c).mean() for c in range(3))
    np.testing.assert_allclose(within, np.eye(2), atol=1e-3)


def test_lda_of_frames_that_do_not_vary() -> None:
    with pytest.raises(UserError, match="positive definite"):
        lda(np.ones((50, 3), np.float32), np.arange(50, dtype=np.int32) % 2, 2)
    with pytest.raises(UserError, match="dim is 4"):
        lda(np.ones((50, 3), np.float32), np.zeros(50, np.int32), 4)


def slow_posterior(gmms: Gmms, x: np.ndarray, pdf: int) -> tuple[range, np.ndarray]:
    own = range(gmms.offsets[pdf], gmms.offsets[pdf + 1])
    means = gmms.means_invvars / gmms.invvars
    logs = [
        np.log(gmms.weights[m]) + 0.5 * np.sum(np.log(gmms.invvars[m]) - gmms.invvars[m] * (x - means[m]) ** 2)
        for m in own
    ]
    exps = np.exp(np.array(logs) - max(logs))
    return own, exps / exps.sum()


def test_statistics_are_the_loops(random_gmms: Make) -> None:
    gmms, dice = random_gmms(3, 4, 3), np.random.default_rng(4)
    feats = dice.normal(size=(60, 3)).astype(np.float32)
    pdfs = dice.integers(-1, 4, 60).astype(np.int32)
    linear, quadratic, scattered = np.zeros((3, 4)), np.zeros((3, 4, 4)), np.zeros((3, 3, 3))
    means = gmms.means_invvars / gmms.invvars
    for x, pdf in zip(feats, pdfs, strict=True):
        if pdf < 0:
            continue
        extended = np.append(x, 1)
        for m, posterior in zip(*slow_posterior(gmms, x, pdf), strict=True):
            for i in range(3):
                linear[i] += posterior * gmms.means_invvars[m, i] * extended
                quadratic[i] += posterior * gmms.invvars[m, i] * np.outer(extended, extended)
                scattered[i] += posterior * gmms.invvars[m, i] * np.outer(x - means[m], x - means[m])
    fmllr = Fmllr(gmms)
    fmllr.add("a", feats, pdfs)
    assert fmllr.count["a"] == (pdfs >= 0).sum()
    np.testing.assert_allclose(fmllr.linear["a"], linear, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(fmllr.quadratic["a"], quadratic, rtol=1e-4, atol=1e-4)
    count, made = scatter(gmms, feats, pdfs)
    assert count == (pdfs >= 0).sum()
    np.testing.assert_allclose(made, scattered, rtol=1e-4, atol=1e-4)


def drawn(gmms: Gmms, frames: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Frames of the mixtures, and their pdfs."""
    dice = np.random.default_rng(seed)
    chosen = dice.integers(0, gmms.num_gauss, frames)
    means, deviations = gmms.means_invvars / gmms.invvars, gmms.invvars**-0.5
    feats = means[chosen] + deviations[chosen] * dice.normal(size=(frames, gmms.dim))
    return feats.astype(np.float32), gmms.owner[chosen].astype(np.int32)


def test_fmllr_undoes_what_a_speaker_does(random_gmms: Make) -> None:
    gmms = random_gmms(5, 30, 4)
    feats, pdfs = drawn(gmms, 20_000, 6)
    dice = np.random.default_rng(7)
    change = np.eye(4) + 0.2 * dice.normal(size=(4, 4))
    spoken = (feats @ change.T + [1.0, -0.5, 0.3, 0.0]).astype(np.float32)
    data = JoinedUtterances.join({"u1": spoken})
    found = estimate_fmllr(gmms, data, pdfs, ["speaker"], 500)["speaker"]
    for _ in range(3):
        again = estimate_fmllr(gmms, adapted(data, ["speaker"], {"speaker": found}), pdfs, ["speaker"], 500)
        found = compose(again, {"speaker": found})["speaker"]
    np.testing.assert_allclose(found[:, :4] @ change, np.eye(4), atol=0.1)
    back = transformed(spoken, found)
    assert accumulate(gmms, back, pdfs).loglike > accumulate(gmms, spoken, pdfs).loglike


def test_a_frame_of_weight_two_is_two_frames(random_gmms: Make) -> None:
    gmms, dice = random_gmms(3, 2, 4), np.random.default_rng(7)
    feats = dice.normal(size=(60, 4)).astype(np.float32)
    pdfs = dice.integers(-1, 3, 60).astype(np.int32)
    times = dice.integers(0, 3, 60)
    weighted, repeated = Fmllr(gmms, 1), Fmllr(gmms, 1)
    weighted.add("a", feats, pdfs, weights=times.astype(np.float32))
    repeated.add("a", np.repeat(feats, times, axis=0), np.repeat(pdfs, times))
    assert weighted.count == repeated.count
    np.testing.assert_allclose(weighted.linear["a"], repeated.linear["a"], rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(weighted.quadratic["a"], repeated.quadratic["a"], rtol=1e-4, atol=1e-3)


def test_composed_is_one_after_the_other() -> None:
    dice = np.random.default_rng(8)
    first, later = ({"a": dice.normal(size=(3, 4)).astype(np.float32)} for _ in range(2))
    x = dice.normal(size=(5, 3)).astype(np.float32)
    both = transformed(transformed(x, first["a"]), later["a"])
    np.testing.assert_allclose(transformed(x, compose(later, first)["a"]), both, rtol=1e-4, atol=1e-4)


def test_speakers_who_cannot_be_adapted_are_logged(random_gmms: Make, caplog: pytest.LogCaptureFixture) -> None:
    """A second of speech, and speech that never varies."""
    gmms = random_gmms(9, 5, 3)
    feats, pdfs = drawn(gmms, 1000, 10)
    fmllr = Fmllr(gmms, min_frames=500)
    fmllr.add("short", feats[:100], pdfs[:100])
    fmllr.add("stuck", np.ones((600, 3), np.float32), pdfs[:600])
    fmllr.add("fine", feats, pdfs)
    made = fmllr.estimate()
    np.testing.assert_array_equal(made["short"], np.eye(3, 4))
    np.testing.assert_array_equal(made["stuck"], np.eye(3, 4))
    assert not np.array_equal(made["fine"], np.eye(3, 4))
    assert "not adapted to 1 speaker with fewer than 500 frames of speech: short" in caplog.text
    assert "singular" in caplog.text
    assert "stuck" in caplog.text


def test_a_speaker_needs_500_frames_unless_told(random_gmms: Make) -> None:
    """Kaldi: FmllrOptions::min_count."""
    gmms = random_gmms(9, 5, 3)
    feats, pdfs = drawn(gmms, 1000, 10)
    fmllr = Fmllr(gmms)
    for name, frames in (("few", 499), ("enough", 500)):
        fmllr.add(name, feats[:frames], pdfs[:frames])
    made = fmllr.estimate()
    assert np.array_equal(made["few"], np.eye(3, 4))
    assert not np.array_equal(made["enough"], np.eye(3, 4))


def test_rows_are_updated_in_40_sweeps_unless_told() -> None:
    """Kaldi: FmllrOptions::num_iters. Strongly coupled rows are still on their way then."""
    dice = np.random.default_rng(3)
    roots = dice.normal(size=(1, 4, 5, 5))
    quadratic, linear = roots @ roots.transpose(0, 1, 3, 2) + 1e-3 * np.eye(5), dice.normal(size=(1, 4, 5))
    count = np.array([50.0])
    by_default, *others = (maximise(count, linear, quadratic, *sweeps) for sweeps in ((), (40,), (39,), (41,)))
    assert [np.array_equal(by_default, other) for other in others] == [True, False, False]


def test_the_first_five_speakers_without_a_transform_are_named(
    random_gmms: Make, caplog: pytest.LogCaptureFixture
) -> None:
    """From 20 frames on a speaker has enough; here all that do are stuck at one vector."""
    fmllr = Fmllr(random_gmms(9, 5, 3), min_frames=20)
    for i, frames in enumerate([19] * 6 + [20] * 7):
        fmllr.add(f"s{i:02}", np.ones((frames, 3), np.float32), np.zeros(frames, np.int32))
    assert len(fmllr.estimate()) == 13
    few, stuck = (record.getMessage() for record in caplog.records)
    assert few == "not adapted to 6 speakers with fewer than 20 frames of speech: s00, s01, s02, s03, s04 and 1 more"
    assert stuck == "not adapted to 7 speakers with singular statistics: s06, s07, s08, s09, s10 and 2 more"


def test_mllt_is_the_maximum_for_the_scatter_itself(random_gmms: Make) -> None:
    """What keeps a singular scatter from failing does not show in a sound one; 200 sweeps are
    enough.
    """
    gmms = random_gmms(9, 5, 3)
    feats, pdfs = drawn(gmms, 2000, 10)
    count, scattered = scatter(gmms, feats, pdfs)
    expected = maximise(np.ones(1), np.zeros((1, 3, 3)), scattered[None] / count, 400)
    np.testing.assert_allclose(mllt(gmms, feats, pdfs), expected[0], rtol=1e-4, atol=1e-4)
    assert np.isfinite(mllt(gmms, feats[:1], pdfs[:1])).all()


def test_mllt_makes_covariances_diagonal(random_gmms: Make) -> None:
    """Frames drawn diagonal and then mixed: the transform takes the mixing back, up to scale and
    order of rows.
    """
    dice = np.random.default_rng(11)
    feats = dice.normal(size=(30_000, 3)) * [1.0, 2.0, 0.5]
    mixing = np.array([[1.0, 0.4, 0.1], [0.0, 1.0, 0.3], [0.2, 0.0, 1.0]])
    mixed = (feats @ mixing.T).astype(np.float32)
    pdfs = np.zeros(len(mixed), np.int32)
    gmms = Gmms.flat(1, mixed.mean(0, dtype=np.float64), mixed.var(0, dtype=np.float64))
    for _ in range(30):
        matrix = mllt(gmms, mixed, pdfs)
        mixed = mixed @ matrix.T
        moved = move_means(gmms, matrix)
        np.testing.assert_allclose(moved.means_invvars / moved.invvars, mixed.mean(0)[None], atol=0.02)
        gmms = Gmms.flat(1, mixed.mean(0, dtype=np.float64), mixed.var(0, dtype=np.float64))
    covariance = np.cov(mixed.T)
    off = covariance - np.diag(np.diag(covariance))
    assert np.abs(off).max() < 0.02 * np.diag(covariance).min()
