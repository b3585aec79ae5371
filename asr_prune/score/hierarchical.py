"""Interval of a mean WER over runs and speakers: hierarchical bootstrap."""

from __future__ import annotations

import numpy as np

from asr_prune.score.run_set import RunSet
from asr_prune.score.spread import spread
from asr_prune.score.student import wider

_CELLS = 4_000_000  # counts held at once: 32 MB of int64


def resampled_means(runs: RunSet, samples: int, seed: int) -> np.ndarray:
    """Mean WER (%) of `samples` draws of as many speakers and as many runs, with replacement.

    Every run of a draw is scored on the same drawn speakers. Returns float64 [<= samples]: a draw
    without any word is left out. Owen, "The pigeonhole bootstrap", Annals of Applied Statistics
    2007.
    """
    rng = np.random.default_rng(seed)
    count, speakers = runs.errors.shape
    rows = max(1, _CELLS // speakers)
    means = []
    for start in range(0, samples, rows):
        size = min(rows, samples - start)
        times = rng.multinomial(speakers, np.full(speakers, 1 / speakers), size)  # [size, speakers]
        chosen = rng.integers(count, size=(size, count))
        errors, words = (
            times @ runs.errors.T.astype(float),
            times @ runs.words.T.astype(float),
        )  # [size, runs]
        spoken = words.min(1) > 0
        rates = 100.0 * errors[spoken] / words[spoken]
        means.append(np.take_along_axis(rates, chosen[spoken], axis=1).mean(1))
    return np.concatenate(means)


def mean_interval(runs: RunSet, samples: int, seed: int) -> tuple[float, float] | None:
    """95 % interval of the mean WER, %; None for fewer than two speakers or no samples.

    The draws have the shape of the distribution but not its width: they count what is particular to
    one speaker in one run three times, and the variance of few runs or speakers too low. Their
    percentiles are therefore moved, about the mean, to the standard error and the quantile of
    Student's t that `spread` gives (as Hesterberg, "What teachers should know about the bootstrap",
    The American Statistician 2015, expands percentiles for small samples).
    """
    if runs.errors.shape[1] < 2 or samples == 0:
        return None
    drawn = resampled_means(runs, samples, seed)
    width = float(drawn.std())
    if width == 0.0:
        return runs.wer, runs.wer
    exact = spread([runs.deviations])
    factor = exact.error / width * wider(exact.freedom, 0.975)
    low, high = (runs.wer + factor * (float(end) - runs.wer) for end in np.percentile(drawn, [2.5, 97.5]))
    return max(0.0, low), high
