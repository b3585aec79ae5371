"""The flat-start monophone pass (Kaldi: train_mono.sh)."""

from __future__ import annotations

import logging
from dataclasses import replace
from itertools import product

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
from asr_prune.lang.fst import Fst
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
    graphs = compile_graphs(lang, flat_start(lang, data), text, data.ids)
    seeds = range(seed * options.starts, (seed + 1) * options.starts)
    starts = [Training(lang, data, graphs, options, own) for own in seeds]
    tried = min(options.start_iterations, options.iterations - 1) if options.starts > 1 else 0
    for start, _ in track(product(starts, range(tried)), len(starts) * tried, "flat starts"):
        start.iterate()
    best = max(starts, key=lambda start: start.loglike)
    if tried:
        log.info("flat starts: %s per frame, best kept", " ".join(f"{start.loglike:.3f}" for start in starts))
    rest = options.iterations - 1 - tried
    for _ in track(range(rest), rest, "monophones"):
        best.iterate()
    return best.model, align(best.model, graphs, data, best.search)


class Training:
    """One flat start and its iterations; loglike: per frame, at the last iteration."""

    def __init__(self, lang: Lang, data: Utterances, graphs: dict[str, Fst], options: MonoOptions, seed: int) -> None:
        self.data, self.graphs, self.options = data, graphs, options
        self.model = flat_start(lang, data)
        self.rng = np.random.default_rng(seed)
        self.search = search_of(options, lang, self.model)
        self.alignment = align_equal(graphs, data, seed)
        self.growth = Growth(self.model.gmms.num_gauss, options.power)
        self.step = max((options.gaussians - self.growth.gaussians) // options.grow_iterations, 0)
        self.iteration = 0
        self.loglike = estimate(self.model, data, self.alignment, self.growth, self.rng, FIRST_OCCUPANCY)

    def iterate(self) -> None:
        """Aligns where the schedule says so, estimates, and lets the mixtures grow."""
        self.iteration += 1
        if self.iteration in self.options.realign:
            beam = self.options.initial_beam if self.iteration == 1 else self.options.beam
            self.alignment = align(self.model, self.graphs, self.data, replace(self.search, beam=beam))
            _check(self.alignment, self.data)
        self.loglike = estimate(self.model, self.data, self.alignment, self.growth, self.rng)
        log.debug("mono %d: %.3f per frame, %d gaussians", self.iteration, self.loglike, self.model.gmms.num_gauss)
        if self.iteration <= self.options.grow_iterations:
            self.growth = replace(self.growth, gaussians=self.growth.gaussians + self.step)


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
