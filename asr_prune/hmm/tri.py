"""Tied triphones (Kaldi: train_deltas.sh), and what the passes after it share with it."""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np

from asr_prune.hmm.align import Alignment
from asr_prune.hmm.gmm import Ints
from asr_prune.hmm.gmm_split import split
from asr_prune.hmm.graphs import compile_graphs
from asr_prune.hmm.kaldi_model import id_to_pdf
from asr_prune.hmm.model import HmmModel
from asr_prune.hmm.options import TiedOptions, TriOptions
from asr_prune.hmm.trained_pass import PassInput, TrainedPass
from asr_prune.hmm.training import Training
from asr_prune.hmm.tying import tie
from asr_prune.hmm.utterances import JoinedUtterances
from asr_prune.lang.lang import Lang

log = logging.getLogger(__name__)


def train_tri(job: PassInput, options: TriOptions) -> TrainedPass:
    """Trains triphones tied by a tree on the features of the pass before; aligns with the final model.

    Raises UserError where no utterance can be aligned.
    """
    training = tied_training(job, job.data.through(job.plain_front), options)
    training.run("triphones")
    training.realign()
    return TrainedPass(training.model, training.alignment, job.plain_front)


def tied_training(job: PassInput, data: JoinedUtterances, options: TiedOptions) -> Training:
    """A tree from `data` under the labels of the pass before, one Gaussian a leaf, and those labels converted to it."""
    before = job.previous
    labels, tree = (before.alignment.ids, data.bounds), (options.leaves, options.cluster_threshold)
    tied = tie(job.lang, before.model, *labels, data.feats, *tree, job.seed)
    rng = np.random.default_rng(job.seed)
    gmms = split(tied.model.gmms, tied.occupancies, options.leaves, options.power, rng)
    model = HmmModel(tied.model.tree, tied.model.transitions, gmms)
    graphs = compile_graphs(job.lang, model, job.text, data.ids)
    alignment = replace(before.alignment, ids=tied.ids)
    return Training(job.lang, data, graphs, model, alignment, options, job.seed)


def spoken_pdfs(lang: Lang, model: HmmModel, alignment: Alignment) -> Ints:
    """The pdf of each frame, int32 [all frames]; -1 in silence and where nothing was aligned (weight-silence-post)."""
    pdfs = id_to_pdf(model.transitions)
    phones = np.array([0, *map(model.transitions.transition_id_to_phone, range(1, len(pdfs)))])
    return np.where(np.isin(phones, lang.silence), -1, pdfs)[alignment.ids].astype(np.int32)
