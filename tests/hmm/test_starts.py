"""Passes that are trained several times: the likeliest is kept, whatever its transforms do to the scale."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asr_prune.hmm.frontend import FrontEnd
from asr_prune.hmm.lda_mllt import train_lda_mllt
from asr_prune.hmm.mono import train_mono
from asr_prune.hmm.options import HmmOptions, LdaMlltOptions, MonoOptions, PassOptions, SatOptions, TriOptions
from asr_prune.hmm.passes import Speech, train_passes
from asr_prune.hmm.sat import train_sat
from asr_prune.hmm.starts import PassTrainer, fit_per_frame, train_best
from asr_prune.hmm.trained_pass import PassInput, TrainedPass
from asr_prune.hmm.tri import train_tri
from asr_prune.hmm.utterances import JoinedUtterances
from asr_prune.lang.lang import Lang

FEW: dict[str, Any] = {"iterations": 6, "grow_iterations": 4, "realign": (2, 4), "gaussians": 40, "leaves": 12}
FEW |= {"beam": 50.0, "retry_beam": 200.0, "acoustic_scale": 1.0}
MONO = MonoOptions(iterations=6, grow_iterations=4, gaussians=40, initial_beam=50.0, beam=50.0, retry_beam=200.0)
PASSES = [
    (train_tri, TriOptions(**FEW)),
    (train_lda_mllt, LdaMlltOptions(dim=4, mllt_iterations=(2, 4), **FEW)),
    (train_sat, SatOptions(fmllr_iterations=(2, 4), fmllr_min_frames=100, **FEW)),
]


@pytest.fixture(scope="module")
def job(toy: Any) -> PassInput:
    data = JoinedUtterances.join(toy.feats)
    speakers = [f"speaker{i % 2}" for i in range(len(data.ids))]
    first = PassInput(Lang.read(toy.lang), data, toy.text, speakers, 1, FrontEnd())
    return replace(first, before=train_mono(first, replace(MONO, acoustic_scale=1.0)))


def slow_fit(trained: TrainedPass, job: PassInput) -> float:
    """Utterance by utterance, with the determinants of what makes a speaker's features."""
    total, frames, scores = 0.0, 0, iter(trained.alignment.loglikes)
    for utt, speaker, rows in zip(job.data.ids, job.speakers, job.data.rows().values(), strict=True):
        if utt in trained.alignment.failed:
            continue
        length = rows.stop - rows.start
        square = np.eye(job.data.through(trained.front).feats.shape[1])
        if trained.transforms is not None:
            square = trained.transforms[speaker][:, :-1]
        total += next(scores) + length * np.log(abs(np.linalg.det(square)))
        if trained.front.matrix is not None:
            # the rows are made orthonormal times a square matrix, whose volume is theirs
            triangle = np.linalg.qr(trained.front.matrix.T.astype(np.float64))[1]
            total += length * np.log(abs(np.diag(triangle))).sum()
        frames += length
    return total / frames


@pytest.mark.parametrize(("trainer", "options"), PASSES)
def test_the_best_of_several_trainings_is_that_of_one_seed(
    job: PassInput, trainer: PassTrainer, options: PassOptions, caplog: pytest.LogCaptureFixture
) -> None:
    """Three trainings of seed 1 are the single ones of seeds 3 to 5."""
    alone = [trainer(replace(job, seed=seed), options) for seed in (3, 4, 5)]
    fits = [fit_per_frame(trained, job) for trained in alone]
    np.testing.assert_allclose(fits, [slow_fit(trained, job) for trained in alone], rtol=1e-5)
    with caplog.at_level(logging.INFO):
        best = train_best(trainer, job, replace(options, starts=3))
    assert np.array_equal(best.alignment.ids, alone[int(np.argmax(fits))].alignment.ids)
    assert f"per frame {' '.join(f'{value:.3f}' for value in fits)}; the best is kept" in caplog.text


def test_fit_does_not_depend_on_the_scale_of_the_features(job: PassInput) -> None:
    """Features twice as large have densities smaller by 2 to the power of their dimension."""
    trained = train_lda_mllt(job, LdaMlltOptions(dim=4, mllt_iterations=(2, 4), **FEW))
    assert trained.front.matrix is not None
    alignment = replace(trained.alignment, loglikes=[*trained.alignment.loglikes])
    alignment.loglikes[0] -= alignment.frames * 4 * np.log(2)
    twice = replace(trained, alignment=alignment, front=replace(trained.front, matrix=2 * trained.front.matrix))
    assert fit_per_frame(twice, job) == pytest.approx(fit_per_frame(trained, job))


def test_one_start_is_the_training_itself(job: PassInput) -> None:
    options = TriOptions(**FEW)
    plain, best = train_tri(job, options), train_best(train_tri, job, options)
    assert np.array_equal(plain.alignment.ids, best.alignment.ids)


def test_the_folder_of_a_pass_has_what_was_kept(toy: Any, tmp_path: Path) -> None:
    passes = HmmOptions(passes=(replace(MONO, acoustic_scale=1.0), TriOptions(starts=2, **FEW)))
    speech = Speech(toy.feats, toy.text, {}, 0)
    probs = [train_passes(toy.lang, speech, tmp_path / name, passes, 1)[1].align_prob for name in ("one", "two")]
    assert probs[0] == probs[1]
    assert (tmp_path / "one/tri/final.mdl").read_bytes() == (tmp_path / "two/tri/final.mdl").read_bytes()
