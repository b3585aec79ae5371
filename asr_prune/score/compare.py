"""Two runs on one test set: the difference in WER and its significance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from asr_prune.score.align import ErrorCounts
from asr_prune.score.bootstrap import resampled_differences
from asr_prune.score.mapsswe import FEW_SEGMENTS, Mapsswe, mapsswe
from asr_prune.score.wer import Utterance, by_speaker


@dataclass(frozen=True)
class Resampled:
    """The difference in WER (%) over draws of the speakers.

    low, high: its 2.5 and 97.5 percentiles; improvement: share of the draws in which the second run
    has fewer errors than the first; tie: share in which it has as many.
    """

    speakers: int
    low: float
    high: float
    improvement: float
    tie: float


@dataclass(frozen=True)
class Comparison:
    """The errors of both runs and the significance of their difference.

    utterances: numbers in which the second run has fewer errors, as many, and more; resampled: None
    for fewer than two speakers or no samples.
    """

    counts: tuple[ErrorCounts, ErrorCounts]
    utterances: tuple[int, int, int]
    resampled: Resampled | None
    mapsswe: Mapsswe

    @property
    def difference(self) -> float:
        """WER of the second run minus that of the first, %."""
        return self.counts[1].wer - self.counts[0].wer


def improvement(errors: np.ndarray, words: np.ndarray, samples: int, seed: int) -> Resampled | None:
    """The paired bootstrap of Bisani and Ney (2004).

    errors, words: int [2, speakers], of the first and the second run. Speakers are drawn instead of
    utterances, because the errors of one speaker are correlated (Liu and Peng, arXiv 1912.09508).
    The probability of improvement is the share of the draws in which the second run has the lower
    WER; ties are counted apart.
    """
    speakers = words.shape[1]
    if speakers < 2 or samples == 0:
        return None
    drawn = resampled_differences(errors, words, samples, seed)
    low, high = np.percentile(drawn, [2.5, 97.5])
    fewer, tie = float((drawn < 0).mean()), float((drawn == 0).mean())
    return Resampled(speakers, float(low), float(high), fewer, tie)


def compare(first: Sequence[Utterance], second: Sequence[Utterance], samples: int, seed: int) -> Comparison:
    """Compares two runs on the same utterances, given in the same order.

    Raises ValueError if the utterances, speakers or references differ.
    """
    if [(u.name, u.speaker, u.reference) for u in first] != [(u.name, u.speaker, u.reference) for u in second]:
        raise ValueError("the runs were not scored on the same utterances")
    pairs = list(zip(first, second, strict=True))
    changes = [two.counts.errors - one.counts.errors for one, two in pairs]
    before, after = by_speaker(first), by_speaker(second)
    sides = [[counts[name] for name in before] for counts in (before, after)]
    errors = np.array([[counts.errors for counts in side] for side in sides])
    words = np.array([[counts.words for counts in side] for side in sides])
    return Comparison(
        counts=(sum(before.values(), ErrorCounts()), sum(after.values(), ErrorCounts())),
        utterances=(sum(c < 0 for c in changes), changes.count(0), sum(c > 0 for c in changes)),
        resampled=improvement(errors, words, samples, seed),
        mapsswe=mapsswe(_ops(*pair) for pair in pairs),
    )


def _ops(one: Utterance, two: Utterance) -> tuple[str, str]:
    """The ops of two alignments; with different alternatives in the reference, their errors as one segment."""
    if one.ref == two.ref:
        return one.ops, two.ops
    return "I" * one.counts.errors, "I" * two.counts.errors


def format_comparison(names: tuple[str, str], comparison: Comparison) -> str:
    """Lines for the terminal."""
    width = max(map(len, names))
    lines = [
        f"{name:{width}s}  WER {counts.wer:6.2f}  {counts.errors} errors in {counts.words} words"
        for name, counts in zip(names, comparison.counts, strict=True)
    ]
    fewer, same, more = comparison.utterances
    utterances = f"fewer errors in {fewer} utterances, more in {more}, as many in {same}"
    lines.append(f"second minus first: {comparison.difference:+.2f}; {utterances}")
    lines += [_resampled_line(comparison.resampled), _mapsswe_line(comparison.mapsswe)]
    return "\n".join(lines)


def _resampled_line(resampled: Resampled | None) -> str:
    if resampled is None:
        return "probability of improvement: none, it needs two speakers and at least one sample"
    improvement = f"{100 * resampled.improvement:.1f} % (tie: {100 * resampled.tie:.1f} %)"
    bounds = f"difference [{resampled.low:+.2f}, {resampled.high:+.2f}]"
    speakers = f"in 95 % of the draws of {resampled.speakers} speakers"
    return f"probability of improvement: {improvement}, {bounds} {speakers}"


def _mapsswe_line(test: Mapsswe) -> str:
    if test.p is None:
        return f"MAPSSWE: none, {test.segments} segments differ by {test.mean:+.3f} errors each"
    verdict = "a difference" if test.p < 0.05 else "no difference"
    deviation = f", std dev {test.deviation:.3f}" if test.deviation is not None else ""
    few = f"; few segments: below {FEW_SEGMENTS} the normal distribution is doubtful"
    return (
        f"MAPSSWE: p {test.p:.3g} (two-tailed), {verdict} at the 0.05 level;"
        f" {test.segments} segments, mean {test.mean:+.3f} errors{deviation}, Z {test.z:+.3f}"
        f"{few if test.segments < FEW_SEGMENTS else ''}"
    )
