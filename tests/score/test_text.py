"""Normalisation and classes of equivalent words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr_prune.score.align import distance
from asr_prune.score.options import ScoreOptions
from asr_prune.score.text import classes, merge, normalise

sentences = st.lists(st.sampled_from(["O", "OH", "ZERO", "NOUGHT", "FIVE"]), max_size=8)


@given(sentences, sentences)
def test_merging_equivalents_never_adds_errors(ref: list[str], hyp: list[str]) -> None:
    same = classes(ScoreOptions(equivalents=[["O", "OH"], ["ZERO", "NOUGHT"]]))
    assert distance([merge(ref, same)], [merge(hyp, same)]) <= distance([ref], [hyp])


@given(sentences)
def test_merging_twice_is_merging_once(words: list[str]) -> None:
    same = classes(ScoreOptions(equivalents=[["O", "OH"]]))
    assert merge(merge(words, same), same) == merge(words, same)


def test_steps_in_their_order() -> None:
    words = ["<unk>", "We'll", "go,", "[NOISE]", "--", "Now!"]
    assert normalise(words, ["no_noise", "no_punctuation", "upper"]) == ["WE'LL", "GO", "NOW"]
    assert normalise(words, ["no_punctuation", "lower"]) == ["<unk>", "we'll", "go", "noise", "now"]
    assert normalise(["TWO WORDS"], []) == ["TWO", "WORDS"]


def test_classes_are_normalised_as_the_text_is() -> None:
    assert classes(ScoreOptions(equivalents=[["O", "OH"]], normalise=["lower"])) == {"o": "o", "oh": "o"}


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"equivalents": [["O"]]}, "two or more single words"),
        ({"equivalents": [["O", "OH NO"]]}, "two or more single words"),
        ({"equivalents": [["O", "OH"], ["OH", "OWE"]]}, "'OH' more than once"),
        ({"bootstrap": -1}, "bootstrap must be zero or more"),
        ({"seed": -1}, "seed must be zero or more"),
    ],
)
def test_options_refuse(wrong: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        ScoreOptions(**wrong)
