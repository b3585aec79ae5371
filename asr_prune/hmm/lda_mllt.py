"""Triphones on spliced frames under LDA and MLLT (Kaldi: train_lda_mllt.sh)."""

from __future__ import annotations

from dataclasses import replace

from asr_prune.hmm.frontend import FrontEnd, splice
from asr_prune.hmm.lda import lda
from asr_prune.hmm.mllt import mllt, move_means
from asr_prune.hmm.options import LdaMlltOptions
from asr_prune.hmm.trained_pass import PassInput, TrainedPass
from asr_prune.hmm.training import Training
from asr_prune.hmm.tri import spoken_pdfs, tied_training


def train_lda_mllt(job: PassInput, options: LdaMlltOptions) -> TrainedPass:
    """Reduces spliced frames by LDA and trains triphones on them, re-estimating MLLT on the way.

    Both transforms are estimated without silence. Raises UserError if no utterance can be aligned
    or the covariance of the frames is singular.
    """
    front = first_front(job, options)
    training = tied_training(job, job.data.through(front), options)

    def adapt(iteration: int) -> None:
        nonlocal front
        if iteration in options.mllt_iterations:
            front = _diagonalise(job, training, front)

    training.run("triphones, LDA and MLLT", adapt)
    training.realign()
    return TrainedPass(training.model, training.alignment, front)


def first_front(job: PassInput, options: LdaMlltOptions) -> FrontEnd:
    """LDA with the pdfs of the previous pass as classes."""
    left, right = options.left_context, options.right_context
    spliced = job.data.through(lambda feats: splice(feats, left, right))
    classes = spoken_pdfs(job.lang, job.previous.model, job.previous.alignment)
    matrix = lda(spliced.feats, classes, options.dim)
    return FrontEnd(0, left, right, matrix, job.plain_front.variance, job.plain_front.means)


def _diagonalise(job: PassInput, training: Training, front: FrontEnd) -> FrontEnd:
    """Applies MLLT to means and data of `training`; returns the front end that includes it."""
    pdfs = spoken_pdfs(job.lang, training.model, training.alignment)
    matrix = mllt(training.model.gmms, training.data.feats, pdfs)
    training.model.gmms = move_means(training.model.gmms, matrix)
    training.data = replace(training.data, feats=training.data.feats @ matrix.T)
    assert front.matrix is not None
    return replace(front, matrix=matrix @ front.matrix)
