"""Figures of a training pass, for its log line and summary.json."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

from asr_prune.errors import UserError, counted
from asr_prune.hmm.labelling import Labeller, Tally
from asr_prune.hmm.options import PassOptions, pass_name

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PassSummary:
    """align_prob: log-likelihood per aligned frame; hours: of aligned speech; retried: number of
    utterances that needed the wider beam; seconds: wall time; utterances: number of all labelled
    ones; failed and oov: ids of those that did not align, and of those without usable transcript.
    """

    name: str
    align_prob: float
    frames: int
    hours: float
    retried: int
    pdfs: int
    gaussians: int
    seconds: float
    utterances: int
    failed: list[str] = field(default_factory=list)
    oov: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """In the words of Kaldi's scripts (analyze_alignments, gmm-info)."""
        retry, fail = (100 * n / self.utterances for n in (self.retried, len(self.failed)))
        head = f"{self.name}: align prob={self.align_prob:.2f} over {self.hours:.2f}h"
        share = f"[retry={retry:.1f}%, fail={fail:.1f}%]"
        return f"{head} {share} states={self.pdfs} gauss={self.gaussians}"


def summarise_pass(
    options: PassOptions,
    labeller: Labeller,
    utterances: int,
    oov: list[str],
    hours: float,
    seconds: float,
) -> PassSummary:
    """Summary of what `labeller` labelled. Raises UserError if no frame is aligned.

    hours: per frame.
    """
    tally, gmms = labeller.tally, labeller.trained.model.gmms
    _check(tally, pass_name(options))
    return PassSummary(
        name=pass_name(options),
        align_prob=round(tally.loglike / tally.frames, 4),
        frames=tally.frames,
        hours=round(tally.frames * hours, 4),
        retried=tally.retried,
        pdfs=gmms.num_pdfs,
        gaussians=gmms.num_gauss,
        seconds=round(seconds, 1),
        utterances=utterances,
        failed=tally.failed,
        oov=oov,
    )


def _check(tally: Tally, name: str) -> None:
    if not tally.frames:
        message = f"hmm pass {name}: no utterance could be aligned"
        raise UserError(f"{message}; check that transcripts and audio belong together.")
    if tally.failed:
        message = "%s did not align, left out: %s"
        log.warning(message, counted(tally.failed, "utterance"), first_ids(tally.failed))


def first_ids(utts: list[str]) -> str:
    """The first five ids, for a log line."""
    return " ".join(utts[:5]) + (" ..." if len(utts) > 5 else "")
