"""Which utterances a pass is trained on."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr_prune.hmm.options import MonoOptions
from asr_prune.hmm.subset import spread_over_speakers, subset

FRAMES = {f"s{i % 3}-u{i:02d}": 100 + (37 * i) % 40 for i in range(30)}
SPEAKERS = {utt: utt.split("-")[0] for utt in FRAMES}


def test_all_utterances_by_default() -> None:
    assert subset(MonoOptions(), FRAMES, SPEAKERS, 1) == sorted(FRAMES)
    assert subset(MonoOptions(shortest=99, utterances=99), FRAMES, SPEAKERS, 1) == sorted(FRAMES)


def test_the_shortest_are_the_shortest() -> None:
    found = subset(MonoOptions(shortest=7), FRAMES, SPEAKERS, 1)
    assert found == sorted(found)
    assert sorted(FRAMES[utt] for utt in found) == sorted(FRAMES.values())[:7]


def test_drawn_ones_are_of_the_shortest_and_of_all_speakers() -> None:
    found = subset(MonoOptions(shortest=12, utterances=6), FRAMES, SPEAKERS, 1)
    assert len(found) == 6
    assert set(found) <= set(subset(MonoOptions(shortest=12), FRAMES, SPEAKERS, 1))
    assert subset(MonoOptions(utterances=6), FRAMES, SPEAKERS, 1) == subset(
        MonoOptions(utterances=6), dict(reversed(FRAMES.items())), SPEAKERS, 1
    )
    assert subset(MonoOptions(utterances=6), FRAMES, SPEAKERS, 1) != subset(
        MonoOptions(utterances=6), FRAMES, SPEAKERS, 2
    )


@given(st.lists(st.integers(0, 4), min_size=1, max_size=40), st.integers(1, 40), st.integers(0, 5))
def test_sample_is_spread_over_speakers(owners: list[int], count: int, seed: int) -> None:
    speakers = {f"u{i:02d}": str(owner) for i, owner in enumerate(owners)}
    found = spread_over_speakers(sorted(speakers), speakers, count, seed)
    assert len(set(found)) == len(found) == min(count, len(owners))
    given_, has = Counter(speakers[utt] for utt in found), Counter(speakers.values())
    most = max(given_.values())
    assert all(given_[owner] >= min(most - 1, has[owner]) for owner in has)


def test_less_than_none_is_refused() -> None:
    with pytest.raises(ValueError, match="shortest and utterances must be 0 or more"):
        MonoOptions(shortest=-1)
