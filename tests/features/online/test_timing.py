"""Which i-vector a frame gets, against a stream that is decoded block by block."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr_prune.features.online.settings import IvectorConf, MfccConf
from asr_prune.features.online.timing import Timing

RATE, WINDOW, SHIFT = 16000, 400, 160


def slow_chunks(samples: int, size: int, left: int, right: int, block: float, lookahead: int) -> list[int]:
    """The frame whose i-vector Kaldi's looped decoding gives to each frame."""
    frames = max(0, 1 + (samples - WINDOW) // SHIFT)
    given: dict[int, int] = {}  # time of an i-vector that the network asks for -> frame
    computed, read = 0, -left

    def compute(newest: int) -> None:
        nonlocal computed, read
        end = (computed + 1) * size + right
        for t in range(read, end):
            given.setdefault(t - t % size, newest)
        computed, read = computed + 1, end

    heard = 0
    while heard < samples:
        heard = min(samples, heard + round(block * RATE))
        ready = max(0, 1 + (heard - WINDOW) // SHIFT)
        while (computed + 1) * size + right <= ready:
            compute(max(0, ready - lookahead - 1))
    while computed * size < frames:
        compute(frames - 1)
    return [given[t - t % size] for t in range(frames)]


@given(
    samples=st.integers(WINDOW, 80000),
    size=st.sampled_from([3, 20, 21, 51]),
    left=st.integers(0, 40),
    right=st.integers(0, 40),
    block=st.sampled_from([0.05, 0.2, 1.0]),
    lookahead=st.integers(0, 4),
)
def test_chunks_are_those_of_looped_decoding(
    samples: int, size: int, left: int, right: int, block: float, lookahead: int
) -> None:
    slow = slow_chunks(samples, size, left, right, block, lookahead)
    timing = Timing("chunk", size, right, block)
    ends, rows = timing.choose(len(slow), IvectorConf(), MfccConf(), lookahead)
    assert ends[rows].tolist() == slow
    assert (np.diff(ends) > 0).all()
    periodic = IvectorConf(use_most_recent_ivector=False, ivector_period=7)
    ends, rows = timing.choose(len(slow), periodic, MfccConf(), lookahead)
    assert ends[rows].tolist() == [end // 7 * 7 for end in slow]


@pytest.mark.parametrize(
    ("kind", "greedy", "wanted"),
    [
        ("period", False, [0, 0, 0, 3, 3, 3, 6, 6]),
        ("period", True, [7] * 8),
        ("utterance", False, [7] * 8),
    ],
)
def test_periods_and_whole_utterances(kind: str, greedy: bool, wanted: list[int]) -> None:
    conf = IvectorConf(ivector_period=3, greedy_ivector_extractor=greedy)
    ends, rows = Timing(kind).choose(8, conf, MfccConf(), 3)  # type: ignore[arg-type]
    assert ends[rows].tolist() == wanted
