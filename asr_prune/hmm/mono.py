"""The flat-start monophone pass (Kaldi: train_mono.sh)."""

from __future__ import annotations

import logging
from itertools import product

import kaldi_hmm_gmm as khg
import numpy as np

from asr_prune.errors import UserError
from asr_prune.hmm.align import align_equal
from asr_prune.hmm.gmm import Gmms
from asr_prune.hmm.graphs import compile_graphs
from asr_prune.hmm.kaldi_model import read_topology
from asr_prune.hmm.model import HmmModel
from asr_prune.hmm.options import MonoOptions
from asr_prune.hmm.trained_pass import PassInput, TrainedPass
from asr_prune.hmm.training import Training
from asr_prune.hmm.utterances import JoinedUtterances
from asr_prune.lang.fst import Fst
from asr_prune.lang.lang import Lang
from asr_prune.progress import track

log = logging.getLogger(__name__)

_FIRST_OCCUPANCY = 3.0  # frames that keep a Gaussian at the flat start, as train_mono.sh


def train_mono(job: PassInput, options: MonoOptions) -> TrainedPass:
    """Trains on all of the job's utterances; aligns with the final model.

    The same seed gives the same model on one machine. Raises UserError where no utterance can be aligned.
    """
    front = job.plain_front
    data = job.data.through(front)
    graphs = compile_graphs(job.lang, flat_start(job.lang, data), job.text, data.ids)
    seeds = range(job.seed * options.starts, (job.seed + 1) * options.starts)
    starts = [start(job.lang, data, graphs, options, own) for own in seeds]
    tried = min(options.start_iterations, options.iterations - 1) if options.starts > 1 else 0
    for one, _ in track(product(starts, range(tried)), len(starts) * tried, "flat starts"):
        one.iterate()
    best = max(starts, key=lambda one: one.loglike)
    if tried:
        log.info("flat starts: %s per frame, best kept", " ".join(f"{one.loglike:.3f}" for one in starts))
    best.run("monophones")
    best.realign()
    return TrainedPass(best.model, best.alignment, front)


def start(lang: Lang, data: JoinedUtterances, graphs: dict[str, Fst], options: MonoOptions, seed: int) -> Training:
    """A flat start, estimated once from equal shares of the frames."""
    training = Training(lang, data, graphs, flat_start(lang, data), align_equal(graphs, data, seed), options, seed)
    training.estimate(_FIRST_OCCUPANCY)
    return training


def flat_start(lang: Lang, data: JoinedUtterances) -> HmmModel:
    """One Gaussian with the mean and variance of `data` for every state; `lang.shared` says who shares states."""
    topo = read_topology(lang.topo)
    tree = khg.monophone_context_dependency_shared(lang.shared, topo.get_phone_to_num_pdf_classes())
    mean, variance = data.feats.mean(0, dtype=np.float64), data.feats.var(0, dtype=np.float64)
    if (variance <= 0).any():
        dimension = int(variance.argmin())
        raise UserError(
            f"feature {dimension} never changes in {data.frames} frames; check the options of the features."
        )
    return HmmModel(tree, khg.TransitionModel(tree, topo), Gmms.flat(tree.num_pdfs, mean, variance))
