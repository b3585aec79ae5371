"""Two runs on one test set: by how much they differ, and whether chance would do as much."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from asr_prune.score.align import Counts
from asr_prune.score.bootstrap import resampled
from asr_prune.score.mapsswe import FEW, Mapsswe, mapsswe
from asr_prune.score.wer import Utterance, by_speaker


@dataclass(frozen=True)
class Resampled:
    """What became of the difference when speakers were drawn anew: its 2.5 and 97.5 percentiles (per cent WER), and the
    shares of the draws in which the second run has fewer errors than the first, and as many.
    """

    speakers: int
    low: float
    high: float
    improvement: float
    tie: float


@dataclass(frozen=True)
class Comparison:
    """Counts of both runs; utterances in which the second has fewer errors, as many, and more.

    resampled is None with fewer than two speakers or no samples.
    """

    counts: tuple[Counts, Counts]
    utterances: tuple[int, int, int]
    resampled: Resampled | None
    mapsswe: Mapsswe

    @property
    def difference(self) -> float:
        """WER of the second less that of the first, in per cent of the words."""
        return self.counts[1].wer - self.counts[0].wer


def improvement(differences: np.ndarray, words: np.ndarray, samples: int, seed: int) -> Resampled | None:
    """The paired bootstrap of Bisani and Ney (2004): whoever is drawn brings the errors of both runs.

    differences: int [speakers], errors of the second run less those of the first; words: int [speakers]. Speakers are
    drawn instead of utterances, because the errors of one speaker come together (Liu and Peng, arXiv 1912.09508). The
    probability of improvement is the share of the draws with fewer errors; ties are no improvement and are told apart.
    """
    if len(words) < 2 or samples == 0:
        return None
    drawn = resampled(differences, words, samples, seed)
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Resampled(len(words), float(low), float(high), float((drawn < 0).mean()), float((drawn == 0).mean()))


def compare(first: Sequence[Utterance], second: Sequence[Utterance], samples: int, seed: int) -> Comparison:
    """first, second: the same utterances, in the same order, under two runs. Raises ValueError where they are not."""
    if [(u.name, u.speaker, u.ref) for u in first] != [(u.name, u.speaker, u.ref) for u in second]:
        raise ValueError("the runs were not scored on the same utterances")
    speakers = by_speaker(first), by_speaker(second)
    changes = [two.counts.errors - one.counts.errors for one, two in zip(first, second, strict=True)]
    return Comparison(
        counts=(sum(speakers[0].values(), Counts()), sum(speakers[1].values(), Counts())),
        utterances=(sum(c < 0 for c in changes), changes.count(0), sum(c > 0 for c in changes)),
        resampled=improvement(
            np.array([speakers[1][name].errors - speakers[0][name].errors for name in speakers[0]]),
            np.array([counts.words for counts in speakers[0].values()]),
            samples,
            seed,
        ),
        mapsswe=mapsswe((one.ops, two.ops) for one, two in zip(first, second, strict=True)),
    )


def told(names: tuple[str, str], made: Comparison) -> str:
    """Lines for the terminal."""
    width = max(map(len, names))
    lines = [
        f"{name:{width}s}  WER {counts.wer:6.2f}  {counts.errors} errors in {counts.words} words"
        for name, counts in zip(names, made.counts, strict=True)
    ]
    fewer, same, more = made.utterances
    where = f"fewer errors in {fewer} utterances, more in {more}, as many in {same}"
    lines.append(f"second less first: {made.difference:+.2f}; {where}")
    return "\n".join([*lines, _resampled_line(made.resampled), _mapsswe_line(made.mapsswe)])


def _resampled_line(made: Resampled | None) -> str:
    if made is None:
        return "probability of improvement: none, it takes two speakers and one sample at least"
    says = f"probability of improvement: {100 * made.improvement:.1f} % (as good: {100 * made.tie:.1f} %)"
    return f"{says}, difference [{made.low:+.2f}, {made.high:+.2f}] in 95 % of the draws of {made.speakers} speakers"


def _mapsswe_line(made: Mapsswe) -> str:
    if made.p is None:
        return f"MAPSSWE: none, {made.segments} segments differ by {made.mean:+.3f} errors each"
    verdict = "a difference" if made.p < 0.05 else "no difference"
    few = f"; few segments, below {FEW} the normal law is doubtful" if made.segments < FEW else ""
    spread = f", std dev {made.deviation:.3f}" if made.deviation is not None else ""
    says = f"MAPSSWE: p {made.p:.3g} (two-tailed), {verdict} at the level of 0.05"
    return f"{says}; {made.segments} segments, mean {made.mean:+.3f} errors{spread}, Z {made.z:+.3f}{few}"
