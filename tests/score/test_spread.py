"""Standard errors over runs and speakers against slow loops, and their coverage on simulated tests."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.stats import t

from asr_prune.score.spread import Spread, spread

Rows = list[list[float]]
NUMBERS = st.floats(-5, 5, allow_nan=False).map(lambda x: round(x, 3))
MATRICES = st.tuples(st.integers(2, 4), st.integers(2, 5)).flatmap(
    lambda size: st.lists(st.lists(NUMBERS, min_size=size[1], max_size=size[1]), min_size=size[0], max_size=size[0])
)


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


def variances(rows: Rows) -> tuple[float, float, float]:
    """Of the sum over speakers of the mean over runs: by speakers, by runs, by both, each from mean
    squares.
    """
    runs, speakers = len(rows), len(rows[0])
    grand = mean([value for row in rows for value in row])
    by_run, by_speaker = (
        [mean(row) for row in rows],
        [mean([row[k] for row in rows]) for k in range(speakers)],
    )
    squares_speaker = runs * sum((value - grand) ** 2 for value in by_speaker) / (speakers - 1)
    squares_run = speakers * sum((value - grand) ** 2 for value in by_run) / (runs - 1)
    left = 0.0
    for r in range(runs):
        for k in range(speakers):
            left += (rows[r][k] - by_run[r] - by_speaker[k] + grand) ** 2
    squares_both = left / ((runs - 1) * (speakers - 1))
    factor = speakers**2 / (runs * speakers)  # the sum is `speakers` times the grand mean
    return factor * squares_speaker, factor * squares_run, factor * squares_both


@settings(deadline=None)
@given(MATRICES)
@example([[1.645, 2.0], [2.0, 1.645]])
def test_equals_the_mean_squares_of_the_analysis_of_variance(rows: Rows) -> None:
    runs, speakers = len(rows), len(rows[0])
    of_speakers, of_runs, both = variances(rows)
    output = spread([np.array(rows)])
    terms = of_speakers**2 / (speakers - 1) + of_runs**2 / (runs - 1)
    variance = max(of_speakers + of_runs - both, of_speakers, of_runs)
    assert output.error == pytest.approx(math.sqrt(variance), abs=1e-7)
    if 0 < max(of_speakers, of_runs) < 1e-15:
        return  # zero but for rounding, whose degrees of freedom are no number
    assert output.freedom == pytest.approx((of_speakers + of_runs) ** 2 / terms if terms else speakers - 1)


@settings(deadline=None)
@given(MATRICES, st.integers(0, 99))
def test_runs_of_two_means_are_independent_while_speakers_are_not(rows: Rows, seed: int) -> None:
    one = np.array(rows)
    other = np.random.default_rng(seed).normal(size=(2, one.shape[1]))
    first, second = variances(rows), variances(other.tolist())
    shares = one.mean(0) + other.mean(0)
    count = len(shares)
    of_speakers = count / (count - 1) * sum((share - mean(shares.tolist())) ** 2 for share in shares)
    of_runs, both = first[1] + second[1], first[2] + second[2]
    output = spread([one, other])
    variance = max(of_speakers + of_runs - both, of_speakers, of_runs)
    terms = of_speakers**2 / (count - 1) + first[1] ** 2 / (len(one) - 1) + second[1] ** 2
    assert output.error == pytest.approx(math.sqrt(variance), abs=1e-7)
    assert output.freedom == pytest.approx((of_speakers + of_runs) ** 2 / terms)
    assert spread([-one, -other]).error == pytest.approx(output.error)


def test_one_run_has_the_spread_of_its_speakers() -> None:
    row = [0.5, -1.0, 0.25, 0.25]
    output = spread([np.array([row])])
    assert output.error == pytest.approx(math.sqrt(4 / 3 * sum(value**2 for value in row)))
    assert output.freedom == 3
    assert output.quantile(0.975) == pytest.approx(3.18244630528 * output.error)


def test_no_spread_at_all() -> None:
    assert spread([np.zeros((3, 4))]) == Spread(0.0, 3)


@pytest.mark.parametrize(
    ("runs", "speakers", "of_run", "of_speaker"),
    [
        (3, 10, 0.0, 0.0),
        (3, 10, 0.0, 1.0),
        (3, 10, 1.0, 0.0),
        (8, 84, 0.3, 1.0),
        (5, 20, 1.0, 1.0),
        (1, 10, 0.0, 1.0),
    ],
)
def test_intervals_cover_the_truth(runs: int, speakers: int, of_run: float, of_speaker: float) -> None:
    """Simulated deviations whose true sum is 0: 95 % intervals cover it in 92 to 98 %, fewest if
    three runs differ much and speakers do not.
    """
    rng, covered, trials = np.random.default_rng(5), 0, 1500
    for _ in range(trials):
        made = rng.normal(0, 1, (runs, speakers)) / 2
        made += of_run * rng.normal(0, 1, (runs, 1)) / math.sqrt(speakers) + of_speaker * rng.normal(0, 1, speakers)
        found = spread([made])
        covered += abs(made.mean(0).sum()) <= found.quantile(0.975)
    assert 0.915 <= covered / trials <= 0.985


def test_quantiles_are_those_of_student() -> None:
    assert Spread(2.0, 7.5).quantile(0.8) == pytest.approx(2 * t.ppf(0.8, 7.5))
