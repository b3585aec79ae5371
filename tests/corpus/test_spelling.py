"""Spelling of transcripts by Unicode category."""

from __future__ import annotations

import re
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr_prune.corpus.spelling import (
    alphabet,
    cleaned,
    count_letters,
    has_number,
    is_noise,
    noises,
    replace_noises,
    without_noises,
    without_punctuation,
)
from asr_prune.score.text import normalise

EVERY = list(map(chr, range(sys.maxunicode + 1)))
texts = st.text(st.one_of(st.sampled_from("aZéж'\u2019\u02bc`-[]<>(){} \u200b\u00ad\u0301\ufe0f7"), st.characters()))


def test_no_format_or_control_character_stays() -> None:
    left = cleaned("".join(f"a{c}b" for c in EVERY))
    assert not {unicodedata.category(c) for c in left} & {"Cf", "Cc", "Cs"}
    for invisible in "\u00ad\u200b\u200c\u200d\u2060\ufeff\u202a\ufe0f\u034f\u3164":
        assert cleaned(f"o{invisible}ne") == "one"
    for blank in "\t\n\x00\x7f\x85\ud800":
        assert cleaned(f"a{blank}b") == "a b"


def test_letters_and_their_marks_stay() -> None:
    for letter in (c for c in EVERY if unicodedata.category(c)[0] == "L" and c not in "\u02bc\u3164\u115f\u1160\uffa0"):
        assert without_punctuation(f"a{letter}b") == unicodedata.normalize("NFC", f"a{letter}b")
    for word in ("नमस्ते", "cafe\u0301", "ภาษาไทย", "עִבְרִית", "x\u0323\u0307"):
        assert without_punctuation(word) == unicodedata.normalize("NFC", word)


@pytest.mark.parametrize("form", "'\u2019\u2018\u02bc\uff07`\u00b4\u201b")
def test_every_form_of_the_apostrophe_is_one(form: str) -> None:
    assert cleaned(f"it{form}s") == "it's"
    assert cleaned(f"п{form}ять") == "п'ять"
    assert without_punctuation(f"{form}it{form}s{form} fine") == "it's fine"


def test_quotes_stay_quotes() -> None:
    assert cleaned("\u2018yes` \u00b4no") == "\u2018yes` \u00b4no"


@given(texts)
def test_spelling_twice_is_spelling_once(text: str) -> None:
    for spell in (cleaned, without_punctuation, lambda each: replace_noises(each, "<n>")):
        assert spell(spell(text)).split() == spell(text).split()


@given(texts)
def test_transcripts_are_spelled_as_the_scorer_spells(text: str) -> None:
    assert without_punctuation(without_noises(text)).split() == normalise([text], ["no_noise", "no_punctuation"])


@given(texts)
def test_only_letters_numbers_and_marks_stay(text: str) -> None:
    for word in without_punctuation(without_noises(cleaned(text))).split():
        if not re.search(r"[<\[{(]", word):
            assert all(unicodedata.category(c)[0] not in "PSZ" for c in word.replace("'", ""))
            assert word == word.strip("'")


@pytest.mark.parametrize("noise", ["[laughter]", "<noise>", "{breath}", "(cough)", "[background noise]", "<sil/>"])
def test_a_noise_is_no_word(noise: str) -> None:
    joined = noise.replace(" ", "_")
    assert noises(f"so {noise} yes") == [joined]
    assert without_noises(f"so {noise} yes").split() == ["so", "yes"]
    assert without_punctuation(f"so, {noise}.").split() == ["so", *noise.split()]
    assert replace_noises(f"so {noise} yes", "<spn>").split() == ["so", "<spn>", "yes"]
    assert replace_noises(f"so, {noise}.").split() == ["so,", joined, "."]
    assert is_noise(joined)


@pytest.mark.parametrize(
    "text",
    [
        "(a word)",
        "word(s)",
        "((word))",
        "(1)",
        "(b)",
        "a < b > c",
        "x > y",
        f"[{'word ' * 9}]",
        "[open",
        "word",
        "it's",
    ],
)
def test_what_is_no_noise(text: str) -> None:
    assert noises(text) == []
    assert not is_noise(text)


@pytest.mark.parametrize(
    ("word", "holds"), [("7", True), ("x\u00b2", True), ("\u0663", True), ("\u2163", True), ("ten", False)]
)
def test_numbers_of_every_script(word: str, holds: bool) -> None:
    assert has_number(word) == holds


def odd(words: list[str]) -> set[str]:
    letters = count_letters(words)
    return letters.keys() - alphabet(letters)


def test_letters_outside_the_alphabet_of_the_bulk() -> None:
    english = ["the", "quick", "brown", "fox", "jumps", "over", "lazy", "dog"] * 40
    assert odd(english) == set()
    assert odd([*english, "сat", "α", "北"]) == {"с", "α", "北"}
    assert odd([*english * 20, "café"]) == {"é"}
    assert odd(["да", "нет"] * 100 + ["no"]) == {"n", "o"}
    assert odd(["カタカナと", "ひらがなと", "漢字"] * 9) == set()
    assert odd([chr(0x4E00 + i) for i in range(20000)]) == set()
    assert odd([]) == set()
