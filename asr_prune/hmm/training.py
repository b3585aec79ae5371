"""The training loop of all passes: align on schedule, re-estimate, add Gaussians."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace

import kaldi_hmm_gmm as khg
import numpy as np

from asr_prune.errors import UserError
from asr_prune.hmm.align import Alignment, Search, align
from asr_prune.hmm.estimate import Growth, estimate
from asr_prune.hmm.model import HmmModel
from asr_prune.hmm.options import TrainingOptions
from asr_prune.hmm.utterances import JoinedUtterances
from asr_prune.lang.fst import Fst
from asr_prune.lang.lang import Lang
from asr_prune.progress import track

log = logging.getLogger(__name__)

#: called with the number of the iteration, between alignment and estimation
Adapt = Callable[[int], None]


class Training:
    """State of the training of one model.

    data, model and alignment are replaced as they improve; loglike: per frame, before the last
    estimation.
    """

    def __init__(
        self,
        lang: Lang,
        data: JoinedUtterances,
        graphs: Mapping[str, Fst],
        model: HmmModel,
        alignment: Alignment,
        options: TrainingOptions,
        seed: int,
    ) -> None:
        self.data, self.graphs, self.options = data, graphs, options
        self.model, self.alignment = model, alignment
        self.rng = np.random.default_rng(seed)
        self.search = search_of(options, lang, model)
        self.growth = Growth(model.gmms.num_gauss, options.power)
        missing = options.gaussians - self.growth.gaussians
        self.step = max(missing // options.grow_iterations, 0)
        self.iteration = 0
        self.loglike = -np.inf

    def estimate(self, min_occupancy: float = 10.0) -> None:
        """Updates the model from data and alignment."""
        given = self.model, self.data, self.alignment, self.growth, self.rng
        self.loglike = estimate(*given, min_occupancy)

    def realign(self) -> None:
        """Aligns with the current model. Raises UserError if no utterance can be aligned."""
        search = replace(self.search, beam=self.options.beam_at(self.iteration))
        label = "first alignment, the longest" if self.iteration == 1 else ""
        self.alignment = align(self.model, self.graphs, self.data, search, label)
        if len(self.alignment.failed) == len(self.data.ids):
            raise UserError(
                f"none of {len(self.data.ids)} utterances could be aligned; "
                "check that transcripts and audio belong together, or raise retry_beam."
            )

    def iterate(self, adapt: Adapt | None = None) -> None:
        """One iteration of the schedule."""
        self.iteration += 1
        if self.iteration in self.options.realign:
            self.realign()
        if adapt:
            adapt(self.iteration)
        self.estimate()
        gaussians = self.model.gmms.num_gauss
        log.debug("%d: %.3f per frame, %d gaussians", self.iteration, self.loglike, gaussians)
        if self.iteration <= self.options.grow_iterations:
            self.growth = replace(self.growth, gaussians=self.growth.gaussians + self.step)

    def run(self, name: str, adapt: Adapt | None = None) -> None:
        """The remaining iterations; like Kaldi's scripts, one fewer than `options.iterations`."""
        rest = self.options.iterations - 1 - self.iteration
        for _ in track(range(rest), rest, name):
            self.iterate(adapt)


def search_of(options: TrainingOptions, lang: Lang, model: HmmModel) -> Search:
    """Alignment settings of `options`."""
    return Search(
        beam=options.beam,
        retry_beam=options.retry_beam,
        acoustic_scale=options.acoustic_scale,
        transition_scale=options.transition_scale,
        self_loop_scale=options.self_loop_scale,
        boost=options.boost_silence,
        boosted=tuple(khg.get_pdfs_for_phones(model.transitions, lang.silence)[1]),
    )
