"""The flat-start monophone pass (Kaldi: train_mono.sh)."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from itertools import product

import kaldi_hmm_gmm as khg
import numpy as np

from asr_prune.errors import UserError
from asr_prune.hmm.align import align_equal
from asr_prune.hmm.gmm import Gmms
from asr_prune.hmm.graphs import training_graphs
from asr_prune.hmm.kaldi_model import parsed_topology
from asr_prune.hmm.model import HmmModel
from asr_prune.hmm.options import MonoOptions
from asr_prune.hmm.trained_pass import PassInput, TrainedPass
from asr_prune.hmm.training import Training
from asr_prune.hmm.utterances import JoinedUtterances
from asr_prune.lang.fst import Fst
from asr_prune.lang.lang import Lang
from asr_prune.progress import track

log = logging.getLogger(__name__)

#: minimum occupancy of a Gaussian in the first estimate, as in train_mono.sh
_FIRST_OCCUPANCY = 3.0


def train_mono(job: PassInput, options: MonoOptions) -> TrainedPass:
    """Trains on all utterances of `job` and aligns them with the final model.

    The same seed gives the same model on the same machine. Raises UserError if no utterance can be
    aligned.
    """
    front = job.plain_front
    data = job.data.through(front)
    message = "  flat start from %d utterances: training graphs, then %d iterations"
    log.info(message, len(data.ids), options.iterations - 1)
    graphs = training_graphs(job.lang, flat_start(job.lang, data), job.text, data)
    seeds = range(job.seed * options.starts, (job.seed + 1) * options.starts)
    starts = [start(job.lang, data, graphs, options, seed) for seed in seeds]
    best = _best(starts, options)
    best.run("monophones")
    best.realign()
    return TrainedPass(best.model, best.alignment, front)


def _best(starts: list[Training], options: MonoOptions) -> Training:
    """The start with the highest likelihood after `start_iterations` iterations."""
    tried = min(options.start_iterations, options.iterations - 1) if len(starts) > 1 else 0
    for training, _ in track(product(starts, range(tried)), len(starts) * tried, "flat starts"):
        training.iterate()
    if tried:
        values = " ".join(f"{training.loglike:.3f}" for training in starts)
        log.info("flat starts: log-likelihood per frame %s; the best is kept", values)
    return max(starts, key=lambda training: training.loglike)


def start(
    lang: Lang,
    data: JoinedUtterances,
    graphs: Mapping[str, Fst],
    options: MonoOptions,
    seed: int,
) -> Training:
    """A flat start, estimated once from equally long states."""
    model, alignment = flat_start(lang, data), align_equal(graphs, data, seed)
    training = Training(lang, data, graphs, model, alignment, options, seed)
    training.estimate(_FIRST_OCCUPANCY)
    return training


def flat_start(lang: Lang, data: JoinedUtterances) -> HmmModel:
    """One Gaussian per pdf, with the mean and variance of `data`.

    Phones of a class of `lang.shared` share pdfs. Raises UserError if a feature is constant.
    """
    topo = parsed_topology(lang.topo, lang.path / "topo")
    classes = topo.get_phone_to_num_pdf_classes()
    tree = khg.monophone_context_dependency_shared(lang.shared, classes)
    mean, variance = data.feats.mean(0, dtype=np.float64), data.feats.var(0, dtype=np.float64)
    if (variance <= 0).any():
        constant = int(variance.argmin())
        message = f"feature {constant} never changes in {data.frames} frames"
        raise UserError(f"{message}; check the options of the features.")
    gmms = Gmms.flat(tree.num_pdfs, mean, variance)
    return HmmModel(tree, khg.TransitionModel(tree, topo), gmms)
