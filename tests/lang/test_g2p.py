from __future__ import annotations

import pytest

from asr_prune.lang.g2p import completed, pronounce, readable, to_phones

pytest.importorskip("espeakng_loader", reason="pip install 'asr_prune[demo]'")


def test_common_words_as_in_cmudict() -> None:
    found = pronounce(["HELLO", "MEASURE", "CHURCH", "NATION", "IT'S", "BOTTLE", "THOUGH"])
    assert {word: " ".join(phones) for word, phones in found.items()} == {
        "HELLO": "HH AH0 L OW1",
        "MEASURE": "M EH1 ZH ER0",
        "CHURCH": "CH ER1 CH",
        "NATION": "N EY1 SH AH0 N",
        "IT'S": "IH0 T S",
        "BOTTLE": "B AA1 T AH0 L",
        "THOUGH": "DH OW2",
    }


def test_a_dictionary_is_completed_in_its_style() -> None:
    plain, stressed = {("ON", ("AA", "N")): 0.5}, {("ON", ("AA1", "N")): 1.0}
    assert completed(plain, {"ON", "SEVEN"}) == {**plain, ("SEVEN", ("S", "EH", "V", "AH", "N")): 1.0}
    assert list(completed(stressed, {"SEVEN"}))[1:] == [("SEVEN", ("S", "EH1", "V", "AH0", "N"))]


@pytest.mark.parametrize(("ipa", "phones"), [("", ""), ("k_ˈɑːɹ", "K AA1 R"), ("ʘ_a", ""), ("n_ˈɪ__t", "N IH1 T")])
def test_unknown_sign_gives_no_phones(ipa: str, phones: str) -> None:
    assert to_phones(ipa, stress=True) == tuple(phones.split())


def test_words_that_are_none_are_left_out() -> None:
    assert pronounce(["", "..."]) == {}


@pytest.mark.parametrize(
    "word",
    [
        *("\u02bc", "MAX\u02bcA", "北京", "A北", "МОСКВА", "MAXIМА", "ALPHA\u03b1", "אב", "한", "か", "अ"),
        *("É", "Ñ", "\u0161k", "\ufb01ne", "\uff21", "@", "#1", "C++", "50%", "A&B", "AND/OR", "A_B", "A:B"),
        *("[LAUGHTER]", "<noise>", "7", "3RD", "\u00bd", "\u2163", "\u0663", "te\u00adst", "\u200b"),
    ],
)
def test_what_is_only_named_is_not_pronounced(word: str, caplog: pytest.LogCaptureFixture) -> None:
    entries = {("ON", ("AA1", "N")): 1.0}
    assert not readable(word)
    assert completed(entries, {word}) == entries
    assert "1 word without a pronunciation" in caplog.text
    assert f"add them to the file that corpus.options.lexicon names: {word}" in caplog.text


def test_words_with_marks_and_silent_punctuation_are_pronounced() -> None:
    words = [
        "CAFÉ",
        "CAFE\u0301",
        "naïve",
        "señor",
        "don\u2019t",
        "well-known",
        "U.S.",
        "fine,",
        "\u201cyes\u201d",
        "'tis",
    ]
    assert list(pronounce(words)) == words
    assert pronounce(["CAFÉ"])["CAFÉ"] == pronounce(["CAFE\u0301"])["CAFE\u0301"]


def test_numbers_are_read_only_if_asked() -> None:
    assert pronounce(["7", "21"]) == {}
    numbers = {word: " ".join(phones) for word, phones in pronounce(["7", "21"], False, numbers=True).items()}
    assert numbers == {"7": "S EH V AH N", "21": "T W EH N T IY W AH N"}
