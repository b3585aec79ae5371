"""Where the words of a set are, for NIST's tools."""

from __future__ import annotations

from pathlib import Path

import pytest

from asr_prune.corpus.datadir import DataDir
from asr_prune.corpus.segments import Segment
from asr_prune.score.options import ScoreOptions
from asr_prune.transcribe.timing import _stretch, _timed
from asr_prune.transcribe.transcript import Word


@pytest.mark.parametrize(("segment", "place"), [(Segment("call", 1.0, 2.0, 2), ("call", "2")), (None, ("ann-1", "1"))])
def test_words_and_references_have_the_channel_of_their_segment(
    segment: Segment | None, place: tuple[str, str]
) -> None:
    parts = {"ann-1": segment} if segment else {}
    data = DataDir(Path("test"), {"ann-1": "call.wav"}, {"ann-1": ["YES"]}, {"ann-1": "ann"}, parts)
    (word,) = _timed([Word("YES", 1.1, 1.4)], data, "ann-1", ScoreOptions())
    stretch = _stretch(data, "ann-1", 1.0, ScoreOptions())
    assert (word.recording, word.channel) == (stretch.recording, stretch.channel) == place
