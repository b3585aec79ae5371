"""Re-estimation of a GMM-HMM from an alignment (Kaldi: gmm-acc-stats-ali, then gmm-est)."""

from __future__ import annotations

from dataclasses import dataclass

import kaldi_hmm_gmm as khg
import numpy as np

from asr_prune.hmm.align import Alignment
from asr_prune.hmm.gmm_split import split
from asr_prune.hmm.gmm_stats import statistics
from asr_prune.hmm.gmm_update import update
from asr_prune.hmm.model import HmmModel
from asr_prune.hmm.utterances import JoinedUtterances
from asr_prune.lang.native import silenced


@dataclass(frozen=True)
class Growth:
    """Gaussians after the update, and the exponent of the occupancy for allotting them."""

    gaussians: int
    power: float


def estimate(
    model: HmmModel,
    data: JoinedUtterances,
    alignment: Alignment,
    growth: Growth,
    rng: np.random.Generator,
    min_occupancy: float = 10.0,
) -> float:
    """Updates `model` in place; returns the log-likelihood per frame before the update."""
    by_pdf = alignment.by_pdf(model)
    stats = statistics(model.gmms, data, by_pdf)
    update_transitions(model.transitions, alignment)
    gmms = update(model.gmms, stats, min_occupancy)
    frames = np.diff(by_pdf.bounds).astype(np.float64)
    model.gmms = split(gmms, frames, growth.gaussians, growth.power, rng)
    return stats.loglike / max(alignment.frames, 1)


def update_transitions(transitions: khg.TransitionModel, alignment: Alignment) -> None:
    """Transition probabilities from counts, with Kaldi's floor 0.01 and minimum count 5."""
    size = transitions.num_transition_ids + 1
    counts = np.bincount(alignment.ids, minlength=size).astype(np.float64)
    counts[0] = 0
    with silenced():
        transitions.mle_update(counts, khg.MleTransitionUpdateConfig())
