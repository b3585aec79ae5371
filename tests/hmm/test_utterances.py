"""Utterances as rows of one matrix, and batches of them."""

from __future__ import annotations

from itertools import chain

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from asr_prune.hmm.utterances import JoinedUtterances


@given(lengths=st.lists(st.integers(0, 6), max_size=12), frames=st.integers(1, 15))
def test_a_batch_is_as_long_as_frames_allow(lengths: list[int], frames: int) -> None:
    feats = {f"{i:02}": np.full((length, 2), i, np.float32) for i, length in enumerate(lengths)}
    joined = JoinedUtterances.join(feats) if feats else None
    batches = list(joined.batches(frames)) if joined else []
    assert list(chain(*batches)) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or sum(lengths[i] for i in batch) <= frames
        assert batch.stop == len(lengths) or sum(lengths[i] for i in (*batch, batch.stop)) > frames


@given(lengths=st.lists(st.integers(0, 6), min_size=1, max_size=12))
def test_rows_are_the_utterances(lengths: list[int]) -> None:
    feats = {f"{i:02}": np.full((length, 2), i, np.float32) for i, length in enumerate(lengths)}
    joined = JoinedUtterances.join(feats)
    assert joined.frames == sum(lengths)
    for utt, rows in joined.rows().items():
        np.testing.assert_array_equal(joined.feats[rows], feats[utt])
