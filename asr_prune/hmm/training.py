"""The iterations that all passes share: align where the schedule says so, estimate, let the mixtures grow."""

from __future__ import annotations

import logging
from collections.abc import Callable
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

#: called with the number of the iteration between its alignment and its estimation
Adapt = Callable[[int], None]


class Training:
    """One model on its way.

    data, model and alignment are replaced as they improve; loglike: per frame, before the last estimation.
    """

    def __init__(
        self,
        lang: Lang,
        data: JoinedUtterances,
        graphs: dict[str, Fst],
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
        self.step = max((options.gaussians - self.growth.gaussians) // options.grow_iterations, 0)
        self.iteration = 0
        self.loglike = -np.inf

    def estimate(self, min_occupancy: float = 10.0) -> None:
        """Updates the model from data and alignment."""
        self.loglike = estimate(self.model, self.data, self.alignment, self.growth, self.rng, min_occupancy)

    def realign(self) -> None:
        """Aligns with the model as it is. Raises UserError where no utterance aligns."""
        search = replace(self.search, beam=self.options.beam_at(self.iteration))
        self.alignment = align(self.model, self.graphs, self.data, search)
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
        log.debug("%d: %.3f per frame, %d gaussians", self.iteration, self.loglike, self.model.gmms.num_gauss)
        if self.iteration <= self.options.grow_iterations:
            self.growth = replace(self.growth, gaussians=self.growth.gaussians + self.step)

    def run(self, name: str, adapt: Adapt | None = None) -> None:
        """The iterations that are left, with a bar; as Kaldi's scripts, one fewer than the number asked."""
        rest = self.options.iterations - 1 - self.iteration
        for _ in track(range(rest), rest, name):
            self.iterate(adapt)


def search_of(options: TrainingOptions, lang: Lang, model: HmmModel) -> Search:
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
