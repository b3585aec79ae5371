"""Speaker-adaptive triphones (Kaldi: train_sat.sh, then align_fmllr.sh)."""

from __future__ import annotations

from asr_prune.hmm.fmllr import Transforms, adapted, compose, estimate_fmllr
from asr_prune.hmm.gmm import Gmms
from asr_prune.hmm.gmm_stats import statistics
from asr_prune.hmm.gmm_update import update
from asr_prune.hmm.options import SatOptions
from asr_prune.hmm.trained_pass import PassInput, TrainedPass
from asr_prune.hmm.training import Training
from asr_prune.hmm.tri import spoken_pdfs, tied_training
from asr_prune.hmm.utterances import JoinedUtterances


def train_sat(job: PassInput, options: SatOptions) -> TrainedPass:
    """Trains triphones under an fMLLR transform per speaker, on the front end of the previous pass.

    The transforms are re-estimated during training and once with the final model, before the final
    alignment. Raises UserError if no utterance can be aligned.
    """
    plain = job.data.through(job.previous.front)
    transforms = first_transforms(job, plain, options)
    training = tied_training(job, adapted(plain, job.speakers, transforms), options)

    def adapt(iteration: int) -> None:
        nonlocal transforms
        if iteration in options.fmllr_iterations:
            transforms = _improved(job, training, plain, transforms, options)

    training.run("speaker-adapted triphones", adapt)
    training.realign()
    unadapted = alignment_model(training, plain)
    transforms = _improved(job, training, plain, transforms, options)
    training.realign()
    front = job.previous.front
    return TrainedPass(training.model, training.alignment, front, transforms, unadapted)


def first_transforms(
    job: PassInput,
    plain: JoinedUtterances,
    options: SatOptions,
) -> Transforms:
    """Transforms of the previous pass, or estimated with its model if it has none."""
    before = job.previous
    if before.transforms is not None:
        return before.transforms
    pdfs = spoken_pdfs(job.lang, before.model, before.alignment)
    min_frames = options.fmllr_min_frames
    return estimate_fmllr(before.model.gmms, plain, pdfs, job.speakers, min_frames)


def _improved(
    job: PassInput,
    training: Training,
    plain: JoinedUtterances,
    transforms: Transforms,
    options: SatOptions,
) -> Transforms:
    """Re-estimates on top of `transforms`, and replaces the data of `training` accordingly."""
    model, min_frames = training.model, options.fmllr_min_frames
    pdfs = spoken_pdfs(job.lang, model, training.alignment)
    more = estimate_fmllr(model.gmms, training.data, pdfs, job.speakers, min_frames)
    composed = compose(more, transforms)
    training.data = adapted(plain, job.speakers, composed)
    return composed


def alignment_model(training: Training, plain: JoinedUtterances) -> Gmms:
    """The same Gaussians for features without transforms (final.alimdl; gmm-acc-stats-twofeats)."""
    model, frames = training.model, training.alignment.by_pdf(training.model)
    stats = statistics(model.gmms, training.data, frames, moments_of=plain)
    return update(model.gmms, stats, remove=False)
