"""Sets of runs: known cases, slow loops, and how often a planted difference is found."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t

from asr_prune.score.compare_sets import Difference, compare_sets, difference
from asr_prune.score.many import holm
from asr_prune.score.run_set import RunSet, run_set
from asr_prune.score.spread import spread

from .conftest import Made

SPEAKERS = 12


def made(name: str, seeds: tuple[int, ...], rng: np.random.Generator, rate: float = 0.1, words: int = 80) -> RunSet:
    errors = rng.binomial(words, rate, (len(seeds), SPEAKERS))
    return RunSet(name, seeds, tuple(map(str, seeds)), errors, np.full((len(seeds), SPEAKERS), words))


def test_a_set_has_the_errors_of_each_speaker(recognised: Made) -> None:
    scores = [recognised.score(hyps) for hyps in (recognised.first, recognised.second)]
    output = run_set("both", (4, 5), ("x", "y"), [score.utterances for score in scores])
    assert output.wers.tolist() == pytest.approx([score.wer for score in scores])
    assert output.errors[1].tolist() == [counts.errors for counts in scores[1].speakers.values()]
    assert output.deviations.sum(1).tolist() == pytest.approx([score.wer - output.wer for score in scores])


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 10_000), st.permutations([1, 2, 3]))
def test_runs_on_the_same_labels_are_compared_with_each_other(seed: int, order: list[int]) -> None:
    rng = np.random.default_rng(seed)
    one, other = made("one", (1, 2, 3), rng), made("other", tuple(order), rng)
    output = difference(one, other)
    rows = []
    for run, own in enumerate(order):
        rows.append([])
        for k in range(SPEAKERS):
            ours = one.errors[own - 1, k] - one.wer / 100 * one.words[own - 1, k]
            theirs = other.errors[run, k] - other.wer / 100 * other.words[run, k]
            rows[-1].append(100 * (theirs - ours) / (80 * SPEAKERS))
    found = spread([np.array(rows)])
    assert output.paired
    assert output.spread
    assert (output.spread.error, output.spread.freedom) == pytest.approx((found.error, found.freedom))
    assert output.value == pytest.approx(other.wer - one.wer)
    assert output.p == pytest.approx(2 * t.sf(abs(output.value) / found.error, found.freedom))
    low, high = output.interval or (0, 0)
    assert (low > 0 or high < 0) == (output.p < 0.05)


def test_runs_on_other_labels_or_on_one_are_independent() -> None:
    rng = np.random.default_rng(0)
    one, other = made("one", (1, 2, 3), rng), made("other", (1, 2), rng)
    output = difference(one, other)
    assert not output.paired
    assert output.spread == spread([other.deviations, -one.deviations])
    twice = made("twice", (1, 1), rng)
    assert not difference(twice, twice).paired


def test_the_other_way_round_the_sign_changes() -> None:
    rng = np.random.default_rng(3)
    one, other = made("one", (1, 2), rng), made("other", (1, 2), rng)
    there, back = difference(one, other), difference(other, one)
    assert there.value == -back.value
    assert there.p == pytest.approx(back.p)


def test_identical_sets_cannot_be_told_apart() -> None:
    rng = np.random.default_rng(1)
    one = made("one", (1, 2, 3), rng)
    same = RunSet("same", (1, 2, 3), one.labels, one.errors, one.words)
    rows = compare_sets([one, same], 0, 500, 0)
    found = rows[1].difference
    assert found
    assert (found.value, found.p, rows[1].p, rows[1].shown) == (0.0, 1.0, 1.0, None)
    assert not rows[1].told_apart
    assert [row.letters for row in rows] == ["a", "a"]
    assert rows[0].difference is rows[0].p is None
    assert rows[0].interval == rows[1].interval


def test_a_planted_difference_is_found_and_the_best_has_the_first_letter() -> None:
    rng = np.random.default_rng(2)
    rates = {"dense": 0.05, "alike": 0.05, "worse": 0.12, "worst": 0.4}
    sets = [made(name, (1, 2, 3), rng, rate) for name, rate in rates.items()]
    sets = [replace(each, labels=("gmm",) * 3) for each in sets]
    rows = compare_sets(sets, 0, 500, 0)
    assert [row.told_apart for row in rows] == [False, False, True, True]
    assert [row.letters for row in rows] == ["a", "a", "b", "c"]
    ps = [row.difference.p for row in rows if row.difference and row.difference.p is not None]
    assert [row.p for row in rows[1:]] == holm(ps)
    assert rows[1].shown == (rows[1].difference and rows[1].difference.shown(0.05 / 3))


def test_runs_of_one_seed_say_so_and_one_speaker_has_no_p() -> None:
    rng = np.random.default_rng(4)
    assert difference(made("one", (1,), rng), made("other", (1, 2), rng)).one_seed
    assert not difference(made("one", (3, 1), rng), made("other", (1, 2), rng)).one_seed
    alone = [RunSet(name, (1, 2), ("x", "y"), np.array([[3], [4]]), np.array([[9], [9]])) for name in "ab"]
    rows = compare_sets(alone, 1, 100, 0)
    assert rows[0].difference
    assert (rows[0].difference.p, rows[0].difference.interval, rows[0].p, rows[0].shown) == (None,) * 4
    assert rows[0].interval is None
    assert not rows[0].told_apart


def test_the_same_difference_in_all_speakers_counts_as_in_the_sign_test() -> None:
    words = np.full((1, 5), 10)
    one, other = (RunSet("x", (1,), ("x",), np.full((1, 5), errors), words) for errors in (2, 3))
    assert difference(one, other).p == 2 / 2**5


@given(
    errors=st.lists(st.integers(0, 30), min_size=2, max_size=12),
    more=st.integers(1, 9),
    words=st.integers(40, 300),
)
def test_so_does_it_where_rounding_hides_that_it_is_the_same(errors: list[int], more: int, words: int) -> None:
    before = np.array([errors])
    spoken = np.full(before.shape, words)
    one, other = (RunSet("x", (1,), ("x",), made, spoken) for made in (before, before + more))
    assert difference(one, other).p == 2 ** (1 - len(errors))
    assert difference(one, other).shown(0.05) is None


def simulated(shift: float, trials: int, rate: float = 0.05) -> list[Difference]:
    """Differences of two made-up methods over three seeds; the second makes `shift` points more
    errors.
    """
    rng, found = np.random.default_rng(7), []
    for _ in range(trials):
        rates = rate * np.exp(rng.normal(0, 0.5, SPEAKERS))
        sets = []
        for name, more in (("one", 0.0), ("other", shift / 100)):
            own = rates * np.exp(rng.normal(0, 0.2, SPEAKERS) - 0.02) + more
            errors = rng.poisson(np.clip(own * (1 + rng.normal(0, 0.1, (3, 1))), 0, None) * 80)
            sets.append(RunSet(name, (1, 2, 3), ("x",) * 3, errors, np.full((3, SPEAKERS), 80)))
        found.append(difference(*sets))
    return found


def test_methods_that_are_alike_are_rarely_told_apart() -> None:
    output = simulated(0.0, 800)
    assert 0.01 <= np.mean([each.p < 0.05 for each in output if each.p is not None]) <= 0.06
    covered = [low <= 0 <= high for low, high in (each.interval or (0, 0) for each in output)]
    assert np.mean(covered) == pytest.approx(0.96, abs=0.03)


def test_the_smallest_difference_to_show_is_found_in_about_four_of_five_cases() -> None:
    shown = float(np.median([each.shown(0.05) or 0 for each in simulated(0.0, 300, 0.2)]))
    found = np.mean([each.p < 0.05 for each in simulated(shown, 500, 0.2) if each.p is not None])
    assert 0.7 <= found <= 0.9
