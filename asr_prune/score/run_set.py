"""A set of runs that differ in their seed alone, on one test set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from asr_prune.score.wer import Utterance, by_speaker


@dataclass(frozen=True)
class RunSet:
    """The errors of runs on the same speakers.

    seeds: one for each run; labels: what each run's network was trained on, which it may share with
    a run of another set; errors, words: int64 [runs, speakers]. Words differ between runs only
    where a reference leaves a choice (`score.markup`).
    """

    name: str
    seeds: tuple[int, ...]
    labels: tuple[str, ...]
    errors: np.ndarray
    words: np.ndarray

    @property
    def wers(self) -> np.ndarray:
        """WER (%) of each run, float64 [runs]."""
        rates: np.ndarray = 100.0 * self.errors.sum(1) / self.words.sum(1)
        return rates

    @property
    def wer(self) -> float:
        """Mean WER (%) of the runs."""
        return float(self.wers.mean())

    @property
    def deviations(self) -> np.ndarray:
        """What each speaker adds to a run's WER beyond the mean WER, %: float64 [runs, speakers].

        A row sums to the run's WER minus the mean.
        """
        expected = self.wer / 100.0 * self.words
        share: np.ndarray = 100.0 * (self.errors - expected) / self.words.sum(1, keepdims=True)
        return share


def run_set(
    name: str,
    seeds: Sequence[int],
    labels: Sequence[str],
    runs: Sequence[Sequence[Utterance]],
) -> RunSet:
    """The set of scored `runs`, each the same utterances in the same order."""
    counts = [list(by_speaker(run).values()) for run in runs]
    errors = np.array([[each.errors for each in row] for row in counts])
    words = np.array([[each.words for each in row] for row in counts])
    return RunSet(name, tuple(seeds), tuple(labels), errors, words)
