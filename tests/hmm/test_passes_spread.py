"""Passes in several processes: the bytes of one, whatever is cut where."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr_prune.hmm import fmllr, gmm_stats, labelling, utterances
from asr_prune.hmm.fmllr import Fmllr, estimate_fmllr
from asr_prune.hmm.gmm import Gmms
from asr_prune.hmm.gmm_stats import ByPdf, accumulate, statistics, stats_part, sum_of_parts
from asr_prune.hmm.options import HmmOptions, LdaMlltOptions, MonoOptions, SatOptions, TriOptions
from asr_prune.hmm.passes import Speech, train_passes
from asr_prune.hmm.tying import stats as tree
from asr_prune.hmm.utterances import JoinedUtterances
from asr_prune.spread.pieces import PieceWorkers, piece_workers

SAME = ("ali.ark", "pdf.ark", "final.mdl", "final.alimdl", "tree", "final.mat", "trans.ark")
TIED: dict[str, Any] = {
    **{"iterations": 4, "grow_iterations": 2, "realign": (2,), "gaussians": 40, "leaves": 12},
    **{"beam": 50.0, "retry_beam": 200.0, "acoustic_scale": 1.0},
}
MONO: dict[str, Any] = {name: value for name, value in TIED.items() if name != "leaves"}


def frames_of(random_gmms: Callable[[int, int, int], Gmms]) -> tuple[Gmms, np.ndarray, np.ndarray]:
    """Mixtures of which one pdf has most of the frames, one has none, and some frames have none."""
    dice = np.random.default_rng(5)
    pdfs = dice.choice(7, 9000, p=[0.05, 0.6, 0.05, 0, 0.1, 0.15, 0.05]).astype(np.int32) - 1
    return random_gmms(3, 6, 5), dice.normal(size=(9000, 5)).astype(np.float32), pdfs


@pytest.mark.parametrize("least", [1, 1500, 4000, 100_000])
def test_statistics_of_pieces_are_those_of_the_whole(random_gmms: Callable[[int, int, int], Gmms], least: int) -> None:
    gmms, feats, pdfs = frames_of(random_gmms)
    frames, whole = ByPdf.of(pdfs, gmms.num_pdfs), accumulate(gmms, feats, pdfs)
    given = gmms, feats, frames.order, frames.bounds
    parts = [stats_part(*given, piece, feats) for piece in frames.pieces(least)]
    assert any(part.begun for part in parts) == (least < 5000)
    assert_same(sum_of_parts(gmms, parts, 5), whole)


def assert_same(one: Any, two: Any) -> None:
    assert one.loglike == two.loglike
    for name in ("occupancy", "first", "second"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))


def test_other_processes_give_the_same_statistics_and_transforms(
    random_gmms: Callable[[int, int, int], Gmms],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    gmms, feats, pdfs = frames_of(random_gmms)
    bounds, speakers = np.arange(0, 9001, 100), [f"speaker{i % 7}" for i in range(90)]
    speakers[13] = "short"
    alone = JoinedUtterances([f"utt{i:02d}" for i in range(90)], feats, bounds)
    other = JoinedUtterances(alone.ids, np.roll(feats, 1), bounds)
    monkeypatch.setattr(gmm_stats, "_TASK_FRAMES", 1500)
    monkeypatch.setattr(fmllr, "_TASK_FRAMES", 1500)
    frames, made = ByPdf.of(pdfs, gmms.num_pdfs), []
    with piece_workers(2, tmp_path / "pass") as chosen:
        for data in (alone, JoinedUtterances(alone.ids, feats, bounds, chosen)):
            caplog.clear()
            transforms = estimate_fmllr(gmms, data, pdfs, speakers, 500.0)
            twofold = statistics(gmms, data, frames, moments_of=other)
            made.append((twofold, transforms, list(caplog.messages)))
        assert isinstance(chosen, PieceWorkers)
        assert list(chosen.folder.glob("*.npy"))
    assert_same(made[0][0], made[1][0])
    assert made[0][1].keys() == made[1][1].keys() == set(speakers)
    for speaker, transform in made[0][1].items():
        np.testing.assert_array_equal(transform, made[1][1][speaker])
    assert made[0][2] == made[1][2] == ["not adapted to 1 speaker with fewer than 500 frames of speech: short"]
    assert not list(tmp_path.iterdir())


@given(st.integers(1, 12))
def test_a_speaker_is_solved_as_with_others(random_gmms: Callable[[int, int, int], Gmms], size: int) -> None:
    dice = np.random.default_rng(size)
    gmms, together = random_gmms(size, 4, 5), {}
    both = Fmllr(gmms, 10.0)
    for i in range(size):
        feats, pdfs = dice.normal(size=(60, 5)).astype(np.float32), dice.integers(0, 4, 60).astype(np.int32)
        one = Fmllr(gmms, 10.0)
        one.add(f"{i:02d}", feats, pdfs)
        both.add(f"{i:02d}", feats, pdfs)
        together |= one.estimate()
    for speaker, transform in both.estimate().items():
        np.testing.assert_array_equal(transform, together[speaker])


def chain() -> HmmOptions:
    """All four kinds of pass; the last ones train on some utterances and label the others."""
    reduced = LdaMlltOptions(dim=4, mllt_iterations=(2,), **TIED)
    adapted = SatOptions(fmllr_iterations=(2,), fmllr_min_frames=200.0, utterances=24, **TIED)
    return HmmOptions(passes=(MonoOptions(starts=2, initial_beam=50.0, **MONO), TriOptions(**TIED), reduced, adapted))


@pytest.mark.trains
def test_passes_in_two_processes_have_the_bytes_of_one(
    toy: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    feats = {utt: np.repeat(own, 20, axis=0) for utt, own in toy.feats.items()}
    speech = Speech(feats, toy.text, {utt: f"speaker{i % 5}" for i, utt in enumerate(feats)}, 0)
    for module in (fmllr, gmm_stats, utterances, tree):
        monkeypatch.setattr(module, "_TASK_FRAMES", 3000)
    monkeypatch.setattr(labelling, "_FRAMES_IN_MEMORY", 3000)
    for nj in (1, 2):
        train_passes(toy.lang, speech, tmp_path / str(nj), chain(), 3, nj)
    files = sorted(path.relative_to(tmp_path / "1") for path in (tmp_path / "1").rglob("*") if path.is_file())
    assert {path.name for path in files} >= set(SAME)
    assert sorted(path.relative_to(tmp_path / "2") for path in (tmp_path / "2").rglob("*") if path.is_file()) == files
    for file in files:
        if file.name in SAME:
            assert (tmp_path / "1" / file).read_bytes() == (tmp_path / "2" / file).read_bytes(), file
