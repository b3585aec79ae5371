from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr_prune.hmm.tying.stats import distinct, tree_stats


def slow(walk: Any) -> dict[tuple[int, ...], list[np.ndarray]]:
    """Frames by (pdf class, window); in these topologies the pdf class is the state."""
    events: dict[tuple[int, ...], list[np.ndarray]] = {}
    for utterance, truth in enumerate(walk.phones):
        frame = walk.bounds[utterance]
        spoken = [0, *(phone for phone, _ in truth), 0]
        for i, (phone, length) in enumerate(truth):
            alone = phone in walk.lang.silence
            window = (-1, phone, -1) if alone else tuple(spoken[i : i + 3])
            for t in range(frame, frame + length):
                if utterance != 3:
                    events.setdefault((walk.states[t], *window), []).append(walk.feats[t].astype(float))
            frame += length
    return events


def test_against_a_loop(walk: Any) -> None:
    stats = walk.stats
    expected = slow(walk)
    found = [(int(c), *window) for c, window in zip(stats.classes, stats.windows.tolist(), strict=True)]
    assert found == sorted(expected)
    for event, moments in zip(found, stats.moments, strict=True):
        x = np.array(expected[event])
        np.testing.assert_allclose(moments, [len(x), *x.sum(0), *(x**2).sum(0)], rtol=1e-12, atol=1e-9)


def test_nothing_aligned_is_no_event(walk: Any) -> None:
    stats = tree_stats(walk.model.transitions, walk.ids * 0, walk.bounds, walk.feats, walk.lang.silence)
    assert stats.moments.shape == (0, 7)
    assert stats.windows.shape == (0, 3)


@pytest.mark.parametrize("width", [1, 5])
def test_other_widths_have_the_same_frames(walk: Any, width: int) -> None:
    stats = tree_stats(walk.model.transitions, walk.ids, walk.bounds, walk.feats, [], width, width // 2)
    assert stats.windows.shape[1] == width
    np.testing.assert_allclose(stats.moments.sum(0), walk.stats.moments.sum(0))


@given(rows=st.lists(st.tuples(*[st.integers(-1, 4)] * 3), max_size=30))
def test_distinct(rows: list[tuple[int, ...]]) -> None:
    array = np.array(rows, np.int32).reshape(-1, 3)
    kinds, kind = distinct(array)
    assert [tuple(row) for row in kinds.tolist()] == sorted(set(rows))
    np.testing.assert_array_equal(kinds[kind], array)
