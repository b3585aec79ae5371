from __future__ import annotations

import logging
from pathlib import Path

import pytest

from asr_prune.corpus.datadir import DataDir
from asr_prune.corpus.validate import check_counts, check_overlap
from asr_prune.errors import UserError


def made(**speakers: str) -> DataDir:
    """A directory of utterances and their speakers."""
    return DataDir(Path(), text={key: ["YES"] for key in speakers}, utt2spk=dict(speakers))


def test_a_speaker_in_two_sets_is_told() -> None:
    sets = {"train": made(a1="a", b1="b"), "dev": made(c1="c"), "test": made(a2="a", b2="b")}
    assert check_overlap(sets) == ["train and test share 2 speakers: a, b."]
    assert check_overlap({"train": made(a1="a"), "test": made(b1="b")}) == []


def test_an_utterance_in_two_sets_is_refused() -> None:
    with pytest.raises(UserError, match="train and dev share 1 utterance id: a1; put each utterance into one set only"):
        check_overlap({"train": made(a1="a", a2="a"), "dev": made(a1="b")})


def test_counts_must_be_as_known_unless_a_part_is_enough(caplog: pytest.LogCaptureFixture) -> None:
    known = {"utterances": 3, "talks": 1}
    check_counts("there", {"utterances": 3, "talks": 1, "words": 9}, known)
    found = "2 utterances instead of 3, 0 talks instead of 1; copy the corpus again"
    with pytest.raises(UserError, match=f"there: {found}"):
        check_counts("there", {"utterances": 2}, known)
    with caplog.at_level(logging.WARNING):
        check_counts("there", {"utterances": 2}, known, whole=False)
    assert "there: incomplete, 2 utterances instead of 3, 0 talks instead of 1" in caplog.text
