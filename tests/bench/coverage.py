"""How often `asr-prune compare` is right, on simulated test sets: python tests/bench/coverage.py

Two methods make Poisson-distributed word errors on the same speakers, whose error rates are
log-normal; a method has speakers that it likes less, and seeds that it likes less.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np

from asr_prune.score.compare_sets import difference
from asr_prune.score.hierarchical import mean_interval
from asr_prune.score.run_set import RunSet

RATE, BETWEEN, WORDS = 0.05, 0.6, 77  # mean WER, standard deviation of its logarithm, words of a speaker


@dataclass(frozen=True)
class Case:
    """Numbers of speakers and seeds; relative standard deviations of a method's WER over them."""

    speakers: int
    seeds: int
    of_speakers: float
    of_seeds: float


CASES = [
    Case(speakers, seeds, *spreads)
    for speakers, seeds in ((10, 1), (10, 3), (10, 8), (84, 3))
    for spreads in ((0.1, 0.0), (0.2, 0.05), (0.2, 0.1), (0.0, 0.2))
]


def simulated(case: Case, worse: float, rng: np.random.Generator) -> list[RunSet]:
    """Two sets of runs; the second method makes `worse` times more errors."""
    size = case.seeds, case.speakers
    rates = RATE * np.exp(rng.normal(0, BETWEEN, case.speakers))
    sets = []
    for factor in (1.0, 1.0 + worse):
        likes = np.exp(rng.normal(0, case.of_speakers, case.speakers) - case.of_speakers**2 / 2)
        quality = np.clip(1 + rng.normal(0, case.of_seeds, (case.seeds, 1)), 0, None)
        errors = rng.poisson(rates * likes * quality * factor * WORDS)
        sets.append(RunSet("", (1,) * case.seeds, ("gmm",) * case.seeds, errors, np.full(size, WORDS)))
    return sets


def row(case: Case, trials: int, rng: np.random.Generator) -> str:
    """Shares in %, and the median of the smallest difference that is shown, in points."""
    truth = 100 * RATE * np.exp(BETWEEN**2 / 2)
    covered, false, found, shown = list[bool](), list[bool](), list[bool](), list[float]()
    for _ in range(trials):
        one, other = simulated(case, 0.0, rng)
        low, high = mean_interval(one, 400, 0) or (0.0, 0.0)
        covered.append(low <= truth <= high)
        alike = difference(one, other)
        false.append((alike.p or 0.0) < 0.05)
        shown.append(alike.shown(0.05) or 0.0)
        found.append((difference(*simulated(case, 0.6, rng)).p or 0.0) < 0.05)
    shares = (f"{100 * np.mean(part):.1f}" for part in (covered, false, found))
    asked = (case.speakers, case.seeds, case.of_speakers, case.of_seeds)
    return f"| {' | '.join(map(str, asked))} | {' | '.join(shares)} | {np.median(shown):.1f} |"


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=1500)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    print("| speakers | seeds | of speakers | of seeds | truth in interval | false alarms | found | would show |")
    for case in CASES:
        print(row(case, options.trials, rng), flush=True)


if __name__ == "__main__":
    main()
