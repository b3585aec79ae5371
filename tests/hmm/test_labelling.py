"""Utterances are labelled in groups of whole speakers."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr_prune.hmm.labelling import Labeller
from asr_prune.hmm.options import MonoOptions


@given(
    lengths=st.lists(st.integers(1, 5), min_size=1, max_size=12), speakers=st.integers(1, 5), most=st.integers(1, 20)
)
def test_groups_are_as_many_whole_speakers_as_fit(lengths: list[int], speakers: int, most: int) -> None:
    feats = {f"{i:02}": np.zeros((length, 1), np.float32) for i, length in enumerate(lengths)}
    owner = {utt: f"speaker{int(utt) % speakers}" for utt in feats}
    labeller = Labeller(cast(Any, None), cast(Any, None), MonoOptions(), feats, {}, owner)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("asr_prune.hmm.labelling._FRAMES_IN_MEMORY", most)
        groups = list(labeller._groups(feats))
    assert [utt for group in groups for utt in group] == sorted(feats, key=lambda utt: (owner[utt], utt))
    frames: Counter[str] = Counter()
    for utt, length in zip(feats, lengths, strict=True):
        frames[owner[utt]] += length
    owners = [sorted({owner[utt] for utt in group}) for group in groups]
    assert sum(map(len, owners)) == len(frames)
    for own, following in pairwise([*owners, []]):
        size = sum(frames[name] for name in own)
        assert size <= most or len(own) == 1
        assert not following or size + frames[following[0]] > most
