from __future__ import annotations

import pytest

from asr_prune.lang.g2p import completed, pronounce, to_phones

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
