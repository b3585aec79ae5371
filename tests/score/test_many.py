"""Holm's correction and the groups that cannot be told apart, against their definitions."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asr_prune.score.many import alike, holm, letters

P = st.lists(st.floats(0, 1), max_size=8)
PAIRS = st.integers(1, 7).flatmap(
    lambda count: st.tuples(
        st.just(count), st.sets(st.sampled_from([(0, 0), *combinations(range(count), 2)])).map(lambda s: s - {(0, 0)})
    )
)


def rejected(values: list[float], level: float) -> set[int]:
    """Holm's steps: from the smallest up, until the first that is above level / how many are left."""
    found: set[int] = set()
    for place in sorted(range(len(values)), key=values.__getitem__):
        if values[place] > level / (len(values) - len(found)):
            break
        found.add(place)
    return found


@settings(deadline=None)
@given(P, st.floats(0.001, 0.99))
def test_corrected_values_reject_what_the_steps_reject(values: list[float], level: float) -> None:
    corrected = holm(values)
    if any(abs(each - level) < 1e-9 for each in corrected):
        return
    assert {place for place, p in enumerate(corrected) if p <= level} == rejected(values, level)
    assert all(new >= old for new, old in zip(corrected, values, strict=True))


def test_holms_known_case() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []
    assert holm([0.4, 0.9]) == pytest.approx([0.8, 0.9])


@settings(deadline=None)
@given(PAIRS)
def test_groups_are_all_largest_sets_without_a_pair_told_apart(case: tuple[int, set[tuple[int, int]]]) -> None:
    count, apart = case
    sets = [set(chosen) for size in range(1, count + 1) for chosen in combinations(range(count), size)]
    fine = [each for each in sets if not any(pair in apart for pair in combinations(sorted(each), 2))]
    largest = [each for each in fine if not any(each < other for other in fine)]
    assert sorted(map(sorted, largest)) == alike(count, apart)
    marks = letters(count, apart)
    for i, j in combinations(range(count), 2):
        assert bool(set(marks[i]) & set(marks[j])) == ((i, j) not in apart)


def test_letters() -> None:
    assert letters(3, {(0, 2)}) == ["a", "ab", "b"]
    many = letters(60, set(combinations(range(60), 2)))
    assert (many[25], many[26], many[51], many[52]) == ("z", "A", "Z", "(53)")
