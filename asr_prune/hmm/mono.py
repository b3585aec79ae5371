"""The flat-start monophone pass (Kaldi: train_mono.sh)."""

from __future__ import annotations

import logging
from dataclasses import replace

import kaldi_hmm_gmm as khg
import numpy as np

from asr_prune.errors import UserError
from asr_prune.hmm.align import Alignment, Search, align, align_equal
from asr_prune.hmm.estimate import Growth, estimate
from asr_prune.hmm.gmm import Gmms
from asr_prune.hmm.graphs import compile_graphs
from asr_prune.hmm.kaldi_model import read_topology
from asr_prune.hmm.model import HmmModel
from asr_prune.hmm.options import MonoOptions
from asr_prune.hmm.utterances import Utterances
from asr_prune.lang.lang import Lang
from asr_prune.progress import track

log = logging.getLogger(__name__)

FIRST_OCCUPANCY = 3.0  # frames that keep a Gaussian at the flat start, as train_mono.sh


def train_mono(
    lang: Lang, data: Utterances, text: dict[str, list[str]], options: MonoOptions, seed: int
) -> tuple[HmmModel, Alignment]:
    """Trains on all of `data`, which must have transcripts that the lexicon covers; aligns with the final model.

    The same seed gives the same model on one machine. Raises UserError where no utterance can be aligned.
    """
    model = flat_start(lang, data)
    graphs = compile_graphs(lang, model, text, data.ids)
    rng = np.random.default_rng(seed)
    search = search_of(options, lang, model)
    alignment = align_equal(graphs, data, seed)
    growth = Growth(model.gmms.num_gauss, options.power)
    step = (options.gaussians - growth.gaussians) // options.grow_iterations
    estimate(model, data, alignment, growth, rng, FIRST_OCCUPANCY)
    for iteration in track(range(1, options.iterations), options.iterations - 1, "monophones"):
        if iteration in options.realign:
            beam = options.initial_beam if iteration == 1 else options.beam
            alignment = align(model, graphs, data, replace(search, beam=beam))
            _check(alignment, data)
        loglike = estimate(model, data, alignment, growth, rng)
        log.info("mono %d: %.3f per frame, %d gaussians", iteration, loglike, model.gmms.num_gauss)
        if iteration <= options.grow_iterations:
            growth = replace(growth, gaussians=growth.gaussians + max(step, 0))
    return model, align(model, graphs, data, search)


def flat_start(lang: Lang, data: Utterances) -> HmmModel:
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


def search_of(options: MonoOptions, lang: Lang, model: HmmModel) -> Search:
    """The alignment that `options` ask for."""
    return Search(
        beam=options.beam,
        retry_beam=options.retry_beam,
        acoustic_scale=options.acoustic_scale,
        transition_scale=options.transition_scale,
        self_loop_scale=options.self_loop_scale,
        boost=options.boost_silence,
        boosted=tuple(khg.get_pdfs_for_phones(model.transitions, lang.silence)[1]),
    )


def _check(alignment: Alignment, data: Utterances) -> None:
    if len(alignment.failed) == len(data.ids):
        raise UserError(
            f"none of {len(data.ids)} utterances could be aligned; "
            "check that transcripts and audio belong together, or raise retry_beam."
        )
