"""Normalisation and classes of equivalent words."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr_prune.errors import UserError
from asr_prune.recipe.load import load_recipe
from asr_prune.score.align import distance
from asr_prune.score.options import ScoreOptions, Step
from asr_prune.score.text import merge, normalise, representatives

ROOT = Path(__file__).resolve().parents[2]
sentences = st.lists(st.sampled_from(["O", "OH", "ZERO", "NOUGHT", "FIVE"]), max_size=8)


@given(sentences, sentences)
def test_merging_equivalents_never_adds_errors(ref: list[str], hyp: list[str]) -> None:
    same = representatives(ScoreOptions(equivalents=[["O", "OH"], ["ZERO", "NOUGHT"]]))
    assert distance([merge(ref, same)], [merge(hyp, same)]) <= distance([ref], [hyp])


@given(sentences)
def test_merging_twice_is_merging_once(words: list[str]) -> None:
    same = representatives(ScoreOptions(equivalents=[["O", "OH"]]))
    assert merge(merge(words, same), same) == merge(words, same)


def test_steps_in_their_order() -> None:
    words = ["<unk>", "We'll", "go,", "[NOISE]", "--", "Now!"]
    assert normalise(words, ["no_noise", "no_punctuation", "upper"]) == ["WE'LL", "GO", "NOW"]
    assert normalise(words, ["no_punctuation", "lower"]) == ["<unk>", "we'll", "go", "[noise]", "now"]
    assert normalise(["TWO WORDS"], []) == ["TWO", "WORDS"]
    assert normalise(["well-known", "-", "x-"], ["split_hyphens"]) == ["well", "known", "x"]
    assert normalise(["Ｏ", "ﬁve", "e\u0301", "a\u00a0b"], ["nfkc"]) == ["O", "five", "é", "a", "b"]


def test_invisible_characters_and_forms_of_the_apostrophe_make_no_errors() -> None:
    words = ["it\u2019s", "rock\u02bcn\u2018roll", "co\u00adop", "\u200bone", "cafe\u0301"]
    assert normalise(words, ["clean"]) == ["it's", "rock'n'roll", "coop", "one", "café"]
    assert normalise(words, ["no_punctuation"]) == normalise(words, ["clean"])


def test_noises_are_never_words() -> None:
    text = "[background noise] so (cough) <sil> well {breath} yes ((maybe)) the (second one)"
    words = text.split(" ")
    spoken = ["so", "well", "yes", "maybe", "the", "second", "one"]
    assert normalise(words, ["no_noise", "no_punctuation"]) == spoken
    assert [word for word in normalise(words, ["no_punctuation"]) if word.isalpha()] == spoken


def test_classes_are_normalised_as_the_text_is() -> None:
    assert representatives(ScoreOptions(equivalents=[["O", "OH"]], normalise=["lower"])) == {"o": "o", "oh": "o"}
    noises = ScoreOptions(equivalents=[["[NOISE]", "<sil>"], ["<unk>", "UM"]], normalise=["no_noise"])
    assert representatives(noises) == {"UM": "UM"}


def test_classes_that_normalisation_joins_are_refused() -> None:
    twice = ScoreOptions(equivalents=[["O", "oh"], ["Oh", "owe"]], normalise=["lower"])
    with pytest.raises(UserError, match=r"score\.equivalents: 'oh' is in two classes after score\.normalise; join"):
        representatives(twice)


def test_a_member_of_a_class_that_becomes_two_words_is_refused() -> None:
    with pytest.raises(UserError, match=r"score\.equivalents: 'WELL-KNOWN' is 2 words after score\.normalise"):
        representatives(ScoreOptions(equivalents=[["WELL-KNOWN", "FAMED"]], normalise=["split_hyphens"]))


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"equivalents": [["O"]]}, "at least two single words"),
        ({"equivalents": [["O", "OH NO"]]}, "at least two single words"),
        ({"equivalents": [["O", "OH"], ["OH", "OWE"]]}, "'OH' more than once"),
        ({"bootstrap": -1}, "bootstrap must be zero or more"),
        ({"seed": -1}, "seed must be zero or more"),
    ],
)
def test_options_refuse(wrong: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        ScoreOptions(**wrong)


def test_every_step_of_a_recipe_is_known_and_an_unknown_one_is_a_sentence() -> None:
    for step in get_args(Step):
        normalise(["word"], [step])
    with pytest.raises(UserError) as error:
        load_recipe(ROOT / "recipes/demo", ["score.normalise=[upper,lowr]"])
    assert "score.normalise.1: input should be 'lower', 'upper'" in str(error.value)
    assert "(got 'lowr')" in str(error.value)


@pytest.mark.parametrize("letter", ["'", "\u2019", "\u2018", "\u02bc", "\u201b", "\uff07"])
def test_all_apostrophes_inside_words_are_one(letter: str) -> None:
    assert normalise([f"DON{letter}T,"], ["no_punctuation"]) == ["DON'T"]
    assert normalise([f"DON{letter}T"], []) == [f"DON{letter}T"]
