"""Tied triphones (Kaldi: train_deltas.sh), and what later passes share with them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from asr_prune.hmm.align import Alignment
from asr_prune.hmm.gmm import Ints
from asr_prune.hmm.gmm_split import split
from asr_prune.hmm.graphs import training_graphs
from asr_prune.hmm.kaldi_model import id_to_pdf
from asr_prune.hmm.model import HmmModel
from asr_prune.hmm.options import TiedOptions, TriOptions
from asr_prune.hmm.trained_pass import PassInput, TrainedPass
from asr_prune.hmm.training import Training
from asr_prune.hmm.tying import tie
from asr_prune.hmm.utterances import JoinedUtterances
from asr_prune.lang.lang import Lang


def train_tri(job: PassInput, options: TriOptions) -> TrainedPass:
    """Trains triphones with tied states on cepstra with deltas and aligns with the final model.

    Raises UserError if no utterance can be aligned.
    """
    training = tied_training(job, job.data.through(job.plain_front), options)
    training.run("triphones")
    training.realign()
    return TrainedPass(training.model, training.alignment, job.plain_front)


def tied_training(job: PassInput, data: JoinedUtterances, options: TiedOptions) -> Training:
    """Builds a tree from `data` and the labels of the previous pass, and converts those labels.

    Mixtures start with `options.leaves` Gaussians.
    """
    before = job.previous
    labels, size = (before.alignment.ids, data.bounds), (options.leaves, options.cluster_threshold)
    tied = tie(job.lang, before.model, *labels, data.feats, *size, job.seed, workers=data.workers)
    rng = np.random.default_rng(job.seed)
    gmms = split(tied.model.gmms, tied.occupancies, options.leaves, options.power, rng)
    model = HmmModel(tied.model.tree, tied.model.transitions, gmms)
    graphs = training_graphs(job.lang, model, job.text, data)
    alignment = replace(before.alignment, ids=tied.ids)
    return Training(job.lang, data, graphs, model, alignment, options, job.seed)


def spoken_pdfs(lang: Lang, model: HmmModel, alignment: Alignment) -> Ints:
    """The pdf of each frame, -1 in silence and unaligned frames (weight-silence-post).

    int32 [all frames].
    """
    pdfs = id_to_pdf(model.transitions)
    ids = range(1, len(pdfs))
    phones = np.array([0, *map(model.transitions.transition_id_to_phone, ids)])
    return np.where(np.isin(phones, lang.silence), -1, pdfs)[alignment.ids].astype(np.int32)
