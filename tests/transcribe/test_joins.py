"""Overlapping stretches: the words of both are those that were said, each once and in order."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr_prune.decode.recognisers import Hypothesis
from asr_prune.transcribe.joins import Placed, at_border, joined, placed
from asr_prune.transcribe.transcript import Word

#: pause before each word, its length, its text
SAID = st.lists(
    st.tuples(st.sampled_from([0.0, 0.05, 0.4]), st.floats(0.1, 0.8), st.sampled_from("ABC")),
    min_size=1,
    max_size=60,
)
JITTER = 0.015


def spoken(said: list[tuple[float, float, str]]) -> list[Placed]:
    """Words with their times."""
    at, words = 0.0, list[Placed]()
    for pause, length, text in said:
        words.append((Word(text), at + pause, at + pause + length))
        at += pause + length
    return words


def heard(words: list[Placed], begin: float, end: float, seed: int, *, strange: bool) -> list[Placed]:
    """What a stretch has of them: times are a little off, and words that its ends cut are misheard,
    or lost.
    """
    dice, result = np.random.default_rng(seed), list[Placed]()
    for word, start, stop in words:
        if stop <= begin or start >= end:
            continue
        cut = start < begin or stop > end
        if cut and not strange:
            continue
        a, b = (min(max(time + dice.uniform(-JITTER, JITTER), begin), end) for time in (start, stop))
        result.append((Word(f"~{word.text}" if cut else word.text), a, max(a, b)))
    return result


def texts(words: list[Placed] | list[Word]) -> list[str]:
    return [word.text if isinstance(word, Word) else word[0].text for word in words]


@given(SAID, st.floats(0.0, 1.0), st.integers(0, 99), st.booleans())
def test_words_at_a_border_are_neither_lost_nor_doubled(
    said: list[tuple[float, float, str]], share: float, seed: int, strange: bool
) -> None:
    words = spoken(said)
    border = share * words[-1][2]
    left = heard(words, 0.0, border + 2, seed, strange=strange)
    right = heard(words, border - 2, words[-1][2], seed + 100, strange=strange)
    one, other = at_border(left, right, border)
    assert texts(one) + texts(other) == texts(words)


@given(SAID, st.integers(0, 99), st.booleans())
def test_a_recording_in_many_stretches_has_its_words(
    said: list[tuple[float, float, str]], seed: int, strange: bool
) -> None:
    words = spoken(said)
    bounds = [*np.arange(0.0, words[-1][2], 8.0).tolist(), words[-1][2]]
    parts = [
        heard(words, max(0.0, a - 2), min(b + 2, words[-1][2]), seed + i, strange=strange)
        for i, (a, b) in enumerate(pairwise(bounds))
    ]
    yielded = list(joined(parts, [None, *bounds[1:-1]]))
    assert len(yielded) == len(parts)
    assert [text for own in yielded for text in texts(own)] == texts(words)


@given(
    st.lists(st.tuples(st.floats(0, 9), st.floats(0, 2), st.sampled_from("AB")), max_size=9),
    st.integers(0, 9),
)
def test_the_beginning_of_one_and_the_end_of_the_other_are_taken(
    rows: list[tuple[float, float, str]], half: int
) -> None:
    placed_rows = sorted(((Word(text), a, a + b) for a, b, text in rows), key=lambda row: row[1])
    left, right = placed_rows[:half], placed_rows[half:]
    one, other = at_border(left, right, 5.0)
    assert one == left[: len(one)]
    assert other == right[len(right) - len(other) :]


def test_different_words_are_taken_up_to_a_gap_that_both_have() -> None:
    left = [(Word("A"), 0.0, 3.9), (Word("B"), 4.0, 5.2), (Word("C"), 5.2, 7.0)]
    right = [(Word("X"), 3.5, 4.0), (Word("Y"), 4.3, 5.2), (Word("Z"), 5.3, 6.9)]
    one, other = at_border(left, right, 5.0)
    assert texts(one) + texts(other) == ["A", "B", "Z"]
    across = [(Word("X"), 3.5, 4.5), (Word("Y"), 4.5, 5.6), (Word("Z"), 5.6, 6.9)]
    assert texts([w for part in at_border(left[1:], across, 5.0) for w in part]) == ["B", "Z"]


def test_words_wait_for_the_next_stretch_only_if_they_overlap_with_it() -> None:
    asked = list[int]()

    def stretches() -> Iterator[list[Placed]]:
        for i in range(4):
            asked.append(i)
            yield [(Word(str(i)), float(i), i + 0.9)]

    counts = []
    for _ in joined(stretches(), [None, None, 2.0, None]):
        counts.append(len(asked))
    assert counts == [1, 3, 3, 4]


def test_words_without_times_are_spread_and_say_none() -> None:
    hyp = Hypothesis(["A", "B"], [], [], 200, True, 0.0)
    assert placed(hyp, 1.0, 0.01, True) == [(Word("A"), 1.0, 2.0), (Word("B"), 2.0, 3.0)]
    timed = Hypothesis(["A"], [(10, 20)], [0.5], 200, True, 0.0)
    ((word, begin, end),) = placed(timed, 1.0, 0.01, False)
    assert word == Word("A", confidence=0.5)
    assert (begin, end) == pytest.approx((1.1, 1.2))
    assert placed(timed, 1.0, 0.01, True)[0][0].end == pytest.approx(1.2)
