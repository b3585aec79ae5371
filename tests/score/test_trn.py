"""Files for sclite: names with the speaker in front, and words that it would misread."""

from __future__ import annotations

import logging

import pytest

from asr_prune.score.trn import trn, trn_id


@pytest.mark.parametrize(
    ("utterance", "speaker", "name"),
    [
        ("fcaw-an406-b", "fcaw", "fcaw-an406-b"),
        ("fcaw_an406", "fcaw", "fcaw_an406"),
        ("an406", "fcaw", "fcaw-an406"),
        ("fcawan406", "fcaw", "fcaw-fcawan406"),
        ("1272-128104-0000", "1272-128104", "1272.128104-1272-128104-0000"),
    ],
)
def test_the_speaker_is_what_stands_before_the_first_hyphen(utterance: str, speaker: str, name: str) -> None:
    assert trn_id(utterance, speaker) == name


def test_a_line_per_sentence() -> None:
    assert trn([("a-1", "a", ["ONE", "TWO"]), ("a-2", "a", [])]) == "ONE TWO (a-1)\n(a-2)\n"


@pytest.mark.parametrize("word", ["{", "@", "(UH)", "A/(B)", ";;", "A;B", "A\\B", "A*"])
def test_marks_of_sclite_are_reported(word: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert trn([("a-1", "a", [word, "B/C", "D"])]) == f"{word} B/C D (a-1)\n"
    assert f"sclite reads {word!r} (1 such words) as markup" in caplog.text


def test_markup_that_is_meant_is_not_reported(caplog: pytest.LogCaptureFixture) -> None:
    assert trn([("a-1", "a", ["{", "A", "/", "@", "}"])], {"a-1"}) == "{ A / @ } (a-1)\n"
    assert not caplog.text
