from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from asr_prune.hmm.tying.segments import phone_segments
from asr_prune.hmm.tying.transitions import Transitions


def test_finds_the_phones_that_were_walked(walk: Any) -> None:
    segments = phone_segments(Transitions.of(walk.model.transitions), walk.ids, walk.bounds)
    lengths = np.bincount(segments.owner[segments.owner >= 0])
    for utterance, truth in enumerate(walk.phones):
        own = segments.utterances == utterance
        found = list(zip(segments.phones[own].tolist(), lengths[own].tolist(), strict=True))
        assert found == ([] if utterance == 3 else truth)
    assert ((segments.owner < 0) == (walk.ids == 0)).all()
    assert (np.diff(segments.owner[walk.ids > 0]) >= 0).all()


@pytest.mark.parametrize(("width", "central"), [(1, 0), (3, 1), (2, 1), (5, 2)])
def test_windows_against_a_loop(walk: Any, width: int, central: int) -> None:
    windows = phone_segments(Transitions.of(walk.model.transitions), walk.ids, walk.bounds).windows(width, central)
    expected = []
    for utterance, truth in enumerate(walk.phones):
        spoken = [0] * width + [phone for phone, _ in truth] + [0] * width
        if utterance != 3:
            expected += [spoken[i - central : i - central + width] for i in range(width, len(spoken) - width)]
    assert windows.tolist() == expected


@pytest.mark.parametrize("harm", ["end", "start", "phone"])
def test_incomplete_phones_are_left_out(walk: Any, harm: str, caplog: pytest.LogCaptureFixture) -> None:
    start, end = walk.bounds[1:3]
    ids, bounds = walk.ids.copy(), walk.bounds.copy()
    table = Transitions.of(walk.model.transitions)
    if harm == "end":
        last = start + np.flatnonzero(~table.self_loop[ids[start:end]])[-1]
        ids = np.delete(ids, slice(last, end))
        bounds[2:] -= end - last
    elif harm == "start":
        ids[start] = ids[start + np.flatnonzero(table.hmm_state[ids[start:end]] > 0)[0]]
    else:
        ids[start + 1] = np.flatnonzero(table.phone == walk.phones[1][2][0])[0]
    segments = phone_segments(table, ids, bounds)
    assert "1 alignments do not consist of whole phones" in caplog.text
    assert 1 not in segments.utterances
    assert (segments.owner[bounds[1] : bounds[2]] == -1).all()
    assert set(segments.utterances.tolist()) == set(range(len(walk.phones))) - {1, 3, 5}
