"""Long recordings cut at silence: nothing is lost, and no loud stretch is cut where there is a pause."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asr_prune.corpus.audio import cut, quietest

RATE = 1000  # the search for a pause knows samples only through their energy


def speech(lengths: list[tuple[int, int]], level: float = 1.0) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """Noise of some loudness with much louder stretches; lengths: of pauses and of stretches, in hundredths of a
    second. Returns float32 [samples] and where the loud stretches are.
    """
    dice, parts, loud, at = np.random.default_rng(0), list[np.ndarray](), list[tuple[int, int]](), 0
    for pause, said in lengths:
        for size, spread in ((pause * 10, level), (said * 10, 1000.0)):
            parts.append(dice.normal(0, spread, size))
            at += size
        loud.append((at - said * 10, at))
    return np.concatenate(parts).astype(np.float32), loud


def blocks(samples: np.ndarray, sizes: list[int]) -> list[np.ndarray]:
    """The samples divided anyhow."""
    bounds = np.cumsum(sizes)
    return np.split(samples, bounds[bounds < len(samples)].tolist())


STRETCHES = st.lists(st.tuples(st.integers(31, 150), st.integers(5, 300)), min_size=1, max_size=15)


@settings(max_examples=60)
@given(STRETCHES, st.floats(8.0, 15.0), st.lists(st.integers(1, 9000), max_size=20), st.sampled_from([0.0, 1.0]))
def test_pieces_are_the_recording_and_no_loud_stretch_is_cut(
    lengths: list[tuple[int, int]], longest: float, sizes: list[int], level: float
) -> None:
    samples, loud = speech(lengths, level)
    pieces = list(cut(blocks(samples, sizes), RATE, longest))
    np.testing.assert_array_equal(np.concatenate([own for _, own in pieces]), samples)
    begins = [begin for begin, _ in pieces]
    assert begins == np.cumsum([0, *(len(own) for _, own in pieces[:-1])]).tolist()
    assert all(0 < len(own) <= longest * RATE for _, own in pieces)
    assert all(len(own) > longest * RATE / 2 - 1 for _, own in pieces[:-1])
    for begin in begins[1:]:
        assert not any(start < begin < end for start, end in loud)


@settings(max_examples=30)
@given(STRETCHES, st.lists(st.integers(1, 9000), max_size=20))
def test_how_the_samples_arrive_changes_nothing(lengths: list[tuple[int, int]], sizes: list[int]) -> None:
    samples, _ = speech(lengths)
    one, other = (list(cut(given, RATE, 5.0)) for given in ([samples], blocks(samples, sizes)))
    assert [begin for begin, _ in one] == [begin for begin, _ in other]


@given(st.integers(0, 1000))
def test_the_quietest_place_is_that_of_a_slow_search(seed: int) -> None:
    samples = np.random.default_rng(seed).normal(0, 1, 3000).astype(np.float32)
    energies = {}
    for at in range(1000, 2501, 10):
        energies[at] = float((samples[at - 150 : at + 150].astype(float) ** 2).sum())
    assert energies[quietest(samples, RATE, 1000, 2500)] == pytest.approx(min(energies.values()))


def test_what_is_short_is_one_piece_and_nothing_is_none() -> None:
    samples = np.ones(3000, np.float32)
    assert [len(own) for _, own in cut([samples], RATE, 3.0)] == [3000]
    assert list(cut([samples[:0]], RATE, 3.0)) == []


def test_speech_without_a_pause_is_cut_too() -> None:
    samples = np.random.default_rng(1).normal(0, 1000, 40_000).astype(np.float32)
    pieces = [len(own) for _, own in cut([samples], RATE, 6.0)]
    assert sum(pieces) == 40_000
    assert max(pieces) <= 6000
    assert pieces[-1] >= 1000
