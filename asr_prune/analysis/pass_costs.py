"""What a pass of the GMM-HMM costs a frame: seconds and bytes."""

from __future__ import annotations

import json

from asr_prune.analysis.speeds import GmmSpeed
from asr_prune.features.options import FeatureOptions
from asr_prune.hmm.options import (
    LdaMlltOptions,
    MonoOptions,
    PassOptions,
    SatOptions,
    TiedOptions,
    TrainingOptions,
    pass_name,
)
from asr_prune.integrity import checked
from asr_prune.layout import Layout

#: tied states of a monophone pass where the lang stage has not run
USUAL_PDFS = 120


def pass_pdfs(layout: Layout, own: PassOptions) -> int:
    """Pdfs of a pass: as many as there were the last time, or as are asked for."""
    summary = layout.hmm(pass_name(own)) / "summary.json"
    if summary.is_file():
        return int(json.loads(checked(summary).read_text())["pdfs"])
    return USUAL_PDFS if isinstance(own, MonoOptions) else min(own.leaves, own.gaussians)


def pass_share(own: TrainingOptions, count: int) -> float:
    """The part of `count` utterances that a pass is trained on."""
    asked = min([n for n in (own.shortest, own.utterances) if n] or [count])
    return min(1.0, asked / max(1, count))


def pass_seconds(own: PassOptions, speed: GmmSpeed, pdfs: int, processes: int = 1) -> float:
    """Seconds a frame that a pass takes: alignments and estimations with the Gaussians that it has
    by then, several times over for several starts, and its transforms. MLLT and LDA are
    estimated in one process.
    """
    last = own.iterations - 1
    seconds = _iterations(own, speed, pdfs, range(1, last + 1)) + speed.score + speed.search
    if isinstance(own, MonoOptions) and own.starts > 1:
        first = range(1, own.start_iterations + 1)
        seconds += (own.starts - 1) * _iterations(own, speed, pdfs, first)
    if isinstance(own, SatOptions):
        seconds += (len(own.fmllr_iterations) + 2) * speed.speaker + speed.score + speed.search
    alone = (len(own.mllt_iterations) + 1) * speed.diagonal if isinstance(own, LdaMlltOptions) else 0.0
    trainings = own.starts if isinstance(own, TiedOptions) else 1
    return trainings * (seconds / processes + alone)


def _iterations(own: PassOptions, speed: GmmSpeed, pdfs: int, which: range) -> float:
    seconds = 0.0
    for i in which:
        share = (pdfs + (own.gaussians - pdfs) * min(1.0, i / own.grow_iterations)) / own.gaussians
        seconds += speed.statistics * share + (speed.score * share + speed.search if i in own.realign else 0.0)
    return seconds


def bytes_a_frame(own: PassOptions, options: FeatureOptions) -> int:
    """Of a pass's features in memory, at its peak: cepstra, and what it makes of them twice over."""
    wide = options.dim
    if isinstance(own, LdaMlltOptions):
        wide = max(own.dim, options.base_dim * (own.left_context + 1 + own.right_context))
    return 4 * (options.base_dim + 2 * wide) + 8
