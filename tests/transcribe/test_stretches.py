"""Pieces of long recordings: long pauses are left out, cuts within speech have both sides' audio."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from asr_prune.corpus.audio import cut
from asr_prune.transcribe.pauses import is_pause, without_pauses
from asr_prune.transcribe.stretches import CONTEXT, stretches
from tests.corpus.test_cut import RATE, STRETCHES, speech


@settings(max_examples=60)
@example([(31, 5)] * 7 + [(31, 85), (150, 256)], 5.0625, 0.0)  # a piece ends within a window
@given(STRETCHES, st.floats(4.0, 15.0), st.sampled_from([0.0, 20.0]))
def test_only_long_pauses_are_left_out(lengths: list[tuple[int, int]], longest: float, level: float) -> None:
    samples, loud = speech(lengths, level)
    pieces = list(cut([samples], RATE, longest))
    kept = np.zeros(len(samples), bool)
    at = 0
    for begin, own in without_pauses(pieces, RATE):
        assert begin >= at
        assert len(own)
        np.testing.assert_array_equal(own, samples[begin : begin + len(own)])
        at = begin + len(own)
        kept[begin:at] = True
    for start, end in loud:
        assert kept[start:end].all()
    assert len(pieces) > 1 or kept.all()


@settings(max_examples=60)
@given(STRETCHES, st.floats(3.0, 15.0))
def test_what_is_heard_is_a_piece_and_what_touches_it(lengths: list[tuple[int, int]], longest: float) -> None:
    samples, _ = speech(lengths, 900.0)
    pieces = list(cut([samples], RATE, longest))
    result = list(stretches(pieces, RATE, longest))
    given = [(begin, own.tolist()) for begin, own in pieces]
    assert [(own.begin, own.own.tolist()) for own in result] == given
    for one, following in zip(result, [*result[1:], None], strict=True):
        start, after = one.begin - one.before, len(one.heard) - one.before - len(one.own)
        np.testing.assert_array_equal(one.heard, samples[start : start + len(one.heard)])
        assert max(one.before, after) <= min(CONTEXT, longest / 4) * RATE
        assert bool(after) == bool(following and following.before)


def test_a_cut_within_speech_overlaps_and_one_in_a_pause_does_not() -> None:
    samples, _ = speech([(40, 300), (40, 300)], 5.0)
    assert is_pause(samples[:3600], samples[3600:], RATE)
    assert not is_pause(samples[:2000], samples[2000:], RATE)
    assert is_pause(samples, samples[:0], RATE)
    pieces = [(0, samples[:2000]), (2000, samples[2000:3600]), (3600, samples[3600:])]
    assert [own.before for own in stretches(pieces, RATE, 30.0)] == [0, 2000, 0]
    assert [own.before for own in stretches(pieces, RATE, 4.0)] == [0, 1000, 0]
    gap = [(0, samples[:2000]), (2100, samples[2100:])]
    assert [own.before for own in stretches(gap, RATE, 30.0)] == [0, 0]


@pytest.mark.parametrize(("level", "left"), [(0.0, 0), (5.0, 300)])
def test_margins_are_kept_unless_they_are_without_sound(level: float, left: int) -> None:
    samples, loud = speech([(0, 300), (200, 300), (150, 200)], level)
    spans = [
        (begin, begin + len(own)) for begin, own in without_pauses([(0, samples[:8000]), (8000, samples[8000:])], RATE)
    ]
    for (a, b), (start, end) in zip(spans[:2], loud, strict=False):
        assert a == pytest.approx(max(0, start - left), abs=50)
        assert b == pytest.approx(min(8000, end + left), abs=50)


def test_recordings_of_one_piece_and_steady_ones_are_whole() -> None:
    samples, _ = speech([(150, 100), (150, 100)], 5.0)
    ((begin, own),) = without_pauses([(0, samples)], RATE)
    assert (begin, len(own)) == (0, len(samples))
    for steady in (
        np.zeros(9000, np.float32),
        np.random.default_rng(0).normal(0, 9, 9000).astype(np.float32),
    ):
        pieces = [(0, steady[:4000]), (4000, steady[4000:])]
        assert [len(own) for _, own in without_pauses(pieces, RATE)] == [4000, 5000]
