"""Options of a score block."""

from __future__ import annotations

import pytest

from asr_prune.score.options import ScoreOptions


def test_defaults() -> None:
    """As many samples as Kaldi's compute-wer-bootci draws; nothing is tuned on test."""
    own = ScoreOptions()
    assert (own.bootstrap, own.seed, own.test_tuned) == (10_000, 0, False)
    assert own.equivalents == own.normalise == []


@pytest.mark.parametrize("name", ["bootstrap", "seed"])
def test_zero_is_allowed_and_less_is_not(name: str) -> None:
    assert getattr(ScoreOptions(**{name: 0}), name) == 0
    with pytest.raises(ValueError, match=f"{name} must be zero or more, not -1"):
        ScoreOptions(**{name: -1})


@pytest.mark.parametrize("words", [["O"], ["O", "O H"], ["O", ""]])
def test_a_class_is_of_single_words(words: list[str]) -> None:
    assert ScoreOptions(equivalents=[["O", "OH"]]).equivalents == [["O", "OH"]]
    with pytest.raises(ValueError, match="equivalents need at least two single words per class, not "):
        ScoreOptions(equivalents=[["A", "EH"], words])


def test_a_word_is_in_one_class() -> None:
    with pytest.raises(ValueError, match="equivalents name 'OH' more than once"):
        ScoreOptions(equivalents=[["O", "OH"], ["OH", "OWE"]])
