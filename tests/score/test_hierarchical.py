"""The bootstrap over speakers and runs against a slow loop, and its interval's coverage."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asr_prune.score import hierarchical
from asr_prune.score.hierarchical import mean_interval, resampled_means
from asr_prune.score.run_set import RunSet

ERRORS = np.array([[3, 0, 7, 1, 12], [2, 1, 9, 0, 10], [5, 0, 4, 1, 12]])
WORDS = np.tile([40, 35, 60, 0, 52], (3, 1))
THREE = RunSet("three", (1, 2, 3), ("x",) * 3, ERRORS, WORDS)


def slow_means(runs: RunSet, samples: int, seed: int) -> list[float]:
    rng = np.random.default_rng(seed)
    count, speakers = runs.errors.shape
    times = rng.multinomial(speakers, [1 / speakers] * speakers, samples)
    chosen = rng.integers(count, size=(samples, count))
    means = []
    for sample in range(samples):
        rates = []
        for run in chosen[sample]:
            wrong = sum(int(times[sample, k]) * int(runs.errors[run, k]) for k in range(speakers))
            of = sum(int(times[sample, k]) * int(runs.words[run, k]) for k in range(speakers))
            rates.append(100 * wrong / of if of else None)
        if None not in rates:
            means.append(sum(rates) / count)  # type: ignore[arg-type]
    return means


COUNTS = st.tuples(st.integers(1, 4), st.integers(2, 5)).flatmap(
    lambda size: st.tuples(
        st.lists(st.lists(st.integers(0, 9), min_size=size[1], max_size=size[1]), min_size=size[0], max_size=size[0]),
        st.lists(st.integers(0, 20), min_size=size[1], max_size=size[1]).filter(any),
    )
)


@settings(deadline=None, max_examples=40)
@given(COUNTS, st.integers(0, 100))
def test_equals_the_slow_loop(counts: tuple[list[list[int]], list[int]], seed: int) -> None:
    errors, words = counts
    runs = RunSet("x", (1,) * len(errors), ("x",) * len(errors), np.array(errors), np.array([words] * len(errors)))
    assert resampled_means(runs, 30, seed).tolist() == pytest.approx(slow_means(runs, 30, seed))


def test_same_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hierarchical, "_CELLS", 50)
    means = resampled_means(THREE, 2000, 5)
    assert means.mean() == pytest.approx(THREE.wer, abs=0.3)
    assert means.tolist() == resampled_means(THREE, 2000, 5).tolist()


def test_the_interval_is_seeded_and_around_the_mean() -> None:
    low, high = mean_interval(THREE, 4000, 0) or (0, 0)
    assert (low, high) == mean_interval(THREE, 4000, 0)
    assert (low, high) != mean_interval(THREE, 4000, 1)
    assert 0 <= low < THREE.wer < high


def test_nothing_to_resample() -> None:
    one = RunSet("one", (1, 2), ("x", "x"), np.array([[3], [4]]), np.array([[9], [9]]))
    assert mean_interval(one, 100, 0) is None
    assert mean_interval(THREE, 0, 0) is None
    same = RunSet("same", (1, 2), ("x", "x"), np.full((2, 3), 2), np.full((2, 3), 8))
    assert mean_interval(same, 100, 0) == (25.0, 25.0)


@pytest.mark.parametrize(("runs", "speakers"), [(1, 10), (3, 10), (3, 84)])
def test_covers_the_truth(runs: int, speakers: int) -> None:
    """Made-up tests: speakers of different error rates, runs of different quality, word errors by
    chance.
    """
    rng, covered, trials = np.random.default_rng(1), 0, 400
    truth = 100 * 0.05 * np.exp(0.5**2 / 2)
    for _ in range(trials):
        rates = 0.05 * np.exp(rng.normal(0, 0.5, speakers))
        quality = 1 + (0.1 if runs > 1 else 0.0) * rng.normal(0, 1, (runs, 1))
        errors = rng.poisson(np.clip(rates * quality, 0, None) * 77)
        made = RunSet("made", (1,) * runs, ("x",) * runs, errors, np.full((runs, speakers), 77))
        low, high = mean_interval(made, 200, 0) or (0, 0)
        covered += low <= truth <= high
    assert 0.9 <= covered / trials <= 0.98
