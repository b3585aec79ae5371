"""Standard error of a mean over runs and speakers, both of which are samples."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from asr_prune.score.student import quantile

#: an error below this, in %, is that of arithmetic
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Spread:
    """error: standard error of a mean; freedom: its degrees of freedom."""

    error: float
    freedom: float

    def quantile(self, level: float) -> float:
        """The quantile of Student's t at `level`, times the standard error."""
        return quantile(self.freedom, level) * self.error


@dataclass(frozen=True)
class _Runs:
    """Variances of a mean that one matrix of deviations gives for its runs.

    runs: of the mean over runs; both: of runs and speakers together, counted in `runs` once too
    often; count: number of runs.
    """

    runs: float
    both: float
    count: int


def _of_runs(deviations: np.ndarray) -> _Runs:
    count, speakers = deviations.shape
    sums = deviations.sum(1)
    rest = deviations - deviations.mean(0) - deviations.mean(1, keepdims=True) + deviations.mean()
    squares = float((rest**2).sum()) / ((count - 1) * (speakers - 1))
    runs = float(((sums - sums.mean()) ** 2).sum()) / (count * (count - 1))
    return _Runs(runs, speakers * squares / count, count)


def spread(deviations: Sequence[np.ndarray]) -> Spread:
    """Standard error of the sum of means over runs, with both runs and speakers taken as samples.

    deviations: what each speaker adds to each run, in %, float64 [runs, speakers] for each mean; all
    have the same two or more speakers, while the runs of one are independent of those of another. The
    variance is that of the analysis of variance with two random factors, Vs + Vr - Vsr, and at
    least the larger of Vs (speakers) and Vr (runs). The degrees of freedom are those of Vs + Vr by
    Satterthwaite, "An approximate distribution of estimates of variance components", Biometrics
    Bulletin 1946. A mean of one run tells nothing of the variance of runs. What is rounding is no
    variance.
    """
    speakers = deviations[0].shape[1]
    shares = np.sum([each.mean(0) for each in deviations], axis=0)
    of_speakers = speakers / (speakers - 1) * float(((shares - shares.mean()) ** 2).sum())
    parts = [_of_runs(each) for each in deviations if len(each) > 1]
    of_runs, both = sum(part.runs for part in parts), sum(part.both for part in parts)
    variance = max(of_speakers + of_runs - both, of_speakers, of_runs)
    terms = of_speakers**2 / (speakers - 1) + sum(part.runs**2 / (part.count - 1) for part in parts)
    freedom = (of_speakers + of_runs) ** 2 / terms if terms else speakers - 1.0
    return Spread(math.sqrt(variance) if variance > _ROUNDING**2 else 0.0, freedom)
