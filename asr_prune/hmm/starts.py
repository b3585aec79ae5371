"""One pass trained several times with other random numbers; the one that fits best is kept."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from asr_prune.hmm.fmllr import Transforms
from asr_prune.hmm.frontend import FrontEnd
from asr_prune.hmm.options import PassOptions, TiedOptions
from asr_prune.hmm.trained_pass import PassInput, TrainedPass

log = logging.getLogger(__name__)

PassTrainer = Callable[[PassInput, Any], TrainedPass]


def train_best(trainer: PassTrainer, job: PassInput, options: PassOptions) -> TrainedPass:
    """What `trainer` makes of `job`; of `options.starts` trainings with their own seeds, for passes
    with tied states, the one whose alignment is the likeliest, as `fit_per_frame` says. The flat
    start of monophones chooses on its own.

    One start is the training with `job.seed`. Raises what `trainer` raises.
    """
    if not isinstance(options, TiedOptions) or options.starts == 1:
        return trainer(job, options)
    best, values = None, list[float]()
    for number in range(options.starts):
        log.info("  training %d of %d", number + 1, options.starts)
        trained = trainer(replace(job, seed=job.seed * options.starts + number), options)
        values.append(fit_per_frame(trained, job))
        if values[-1] == max(values):
            best = trained
    assert best is not None
    log.info("log-likelihood per frame %s; the best is kept", " ".join(f"{value:.3f}" for value in values))
    return best


def fit_per_frame(trained: TrainedPass, job: PassInput) -> float:
    """Log-likelihood per aligned frame, comparable between passes whose transforms differ: with the
    logarithms of their determinants (Gales 1998, "Maximum likelihood linear transformations for
    HMM-based speech recognition", section 3), of LDA and MLLT up to a constant of the splicing.
    """
    alignment = trained.alignment
    total = alignment.loglike + alignment.frames * _volume(trained.front)
    if trained.transforms is not None:
        total += _speakers_volume(trained.transforms, job.speakers, _aligned(trained, job))
    return total / max(alignment.frames, 1)


def _volume(front: FrontEnd) -> float:
    """Log-determinant of the linear transform, 0 without one."""
    if front.matrix is None:
        return 0.0
    matrix = front.matrix.astype(np.float64)
    return float(np.linalg.slogdet(matrix @ matrix.T)[1]) / 2


def _aligned(trained: TrainedPass, job: PassInput) -> list[int]:
    """Frames of each utterance of `job`, 0 where it did not align."""
    failed, lengths = {*trained.alignment.failed}, np.diff(job.data.bounds).tolist()
    return [0 if utt in failed else length for utt, length in zip(job.data.ids, lengths, strict=True)]


def _speakers_volume(transforms: Transforms, speakers: Sequence[str], frames: Sequence[int]) -> float:
    """Log-determinants of the speakers' transforms over the frames of their utterances."""
    of_speaker = {
        speaker: float(np.linalg.slogdet(affine[:, : len(affine)].astype(np.float64))[1])
        for speaker, affine in transforms.items()
    }
    return sum(of_speaker.get(own, 0.0) * count for own, count in zip(speakers, frames, strict=True))
