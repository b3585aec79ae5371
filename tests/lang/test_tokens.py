"""Tokens: any words can be spelled and read back; bad input raises."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asr_prune.errors import UserError
from asr_prune.lang.options import LangOptions
from asr_prune.lang.tokens import BLANK, WAYS, Tokens, spelled

TEXT = [["HELLO", "WORLD"], ["YELLOW", "HELL"], ["LOW", "OLD"]] * 5
LEXICON = "A AH\nA EY\nHELLO HH AH L OW\nLOW L OW\nOH OW\nONE HH W AH N\nONE W AH N\nZOO Z UW\n"
sentences = st.lists(st.text(st.sampled_from("DEHLORWY"), min_size=1, max_size=8), max_size=5)


def tokens_of(kind: str, pieces: int = 20) -> Tokens:
    return Tokens.learn(TEXT, LangOptions(tokens=kind, pieces=pieces))  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["characters", "pieces"])
@given(sentences)
@settings(max_examples=30)
def test_words_come_back_from_their_tokens(kind: str, words: list[str]) -> None:
    tokens = tokens_of(kind)
    ids = tokens.of_words(words)
    assert ids is not None
    assert 0 not in ids
    assert spelled(tokens.symbols[i] for i in ids[0]) == words


def test_characters_begin_with_the_mark_of_a_word() -> None:
    tokens = tokens_of("characters")
    assert tokens.symbols == [BLANK, "▁", *"DEHLORWY"]
    assert tokens.spellings("LOW") == [("▁", "L", "O", "W")]


def test_pieces_are_fewer_than_characters() -> None:
    ids = tokens_of("pieces").of_words(["HELLO", "WORLD"])
    assert ids is not None
    assert ids.shape[0] == 1
    assert ids.shape[1] < 12


def test_long_transcripts_count_as_others_do() -> None:
    long = [["NINE"] * 2000 + ["QUIZ"], ["ONE", "TWO"], ["NINE"]]
    tokens = Tokens.learn(long, LangOptions(tokens="pieces", pieces=12))
    assert tokens.of_words(["QUIZ"]) is not None


@pytest.mark.parametrize("kind", ["characters", "pieces"])
def test_a_character_that_was_never_seen_cannot_be_spelled(kind: str) -> None:
    tokens = tokens_of(kind)
    assert tokens.spellings("QUELL") == []
    assert tokens.of_words(["HELL", "QUELL"]) is None


@pytest.mark.parametrize("kind", ["characters", "pieces"])
def test_a_folder_gives_back_what_was_written(kind: str, tmp_path: Path) -> None:
    tokens = tokens_of(kind)
    tokens.write(tmp_path)
    again = Tokens.read(tmp_path)
    assert again.symbols == tokens.symbols
    assert again.spellings("YELLOW") == tokens.spellings("YELLOW")
    assert (tmp_path / "tokens.model").is_file() == (kind == "pieces")


@pytest.fixture
def lexicon(tmp_path: Path) -> Path:
    (tmp_path / "lexicon.txt").write_text(LEXICON)
    return tmp_path / "lexicon.txt"


def of_phones(lexicon: Path, text: list[list[str]] | None = None) -> Tokens:
    return Tokens.learn(text or [["A", "LOW", "ONE"], ["UNHEARD"]], LangOptions(tokens="phones"), lexicon)


def test_phones_are_those_of_the_training_words(lexicon: Path) -> None:
    tokens = of_phones(lexicon)
    assert tokens.symbols == [BLANK, "AH", "EY", "HH", "L", "N", "OW", "W"]
    assert tokens.spellings("ONE") == [("HH", "W", "AH", "N"), ("W", "AH", "N")]
    assert tokens.spellings("HELLO") == [("HH", "AH", "L", "OW")]
    assert tokens.spellings("ZOO") == tokens.spellings("UNHEARD") == []
    assert tokens.of_words(["LOW", "ZOO"]) is None


def test_a_sentence_is_spelled_in_all_ways_each_word_in_one(lexicon: Path) -> None:
    tokens = of_phones(lexicon)
    ids = tokens.of_words(["ONE", "A", "ONE"])
    assert ids is not None
    ways = [" ".join(tokens.symbols[i] for i in way if i) for way in ids]
    assert ways == [f"{one} {a} {one}" for one in ("HH W AH N", "W AH N") for a in ("AH", "EY")]
    assert [(way != 0).sum() for way in ids] == [9, 9, 7, 7]
    assert all((np.diff((way == 0).astype(int)) >= 0).all() for way in ids)
    assert tokens.of_words([]).shape == (1, 0)  # type: ignore[union-attr]


def test_ways_are_not_without_end(tmp_path: Path) -> None:
    words = [f"W{i}" for i in range(9)]
    (tmp_path / "lexicon.txt").write_text("".join(f"{word} A\n{word} B\n" for word in words))
    ids = of_phones(tmp_path / "lexicon.txt", [words]).of_words(words)
    assert ids is not None
    assert ids.shape == (WAYS, 9)
    assert len({tuple(way) for way in ids.tolist()}) == WAYS


def test_phones_come_back_with_their_lexicon(lexicon: Path, tmp_path: Path) -> None:
    tokens, folder = of_phones(lexicon), tmp_path / "lang"
    folder.mkdir()
    tokens.write(folder)
    again = Tokens.read(folder)
    assert again.symbols == tokens.symbols
    assert np.array_equal(again.of_words(["ONE", "A"]), tokens.of_words(["ONE", "A"]))
    tokens_of("pieces").write(folder)
    assert Tokens.read(folder).lexicon is None


def test_the_same_text_gives_the_same_pieces() -> None:
    assert tokens_of("pieces").model == tokens_of("pieces").model


def test_bad_input_raises(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no transcript of the training set has a word"):
        Tokens.learn([[], []], LangOptions())
    with pytest.raises(UserError, match=r"cannot make 3 pieces of the training text \(Vocabulary size is smaller"):
        tokens_of("pieces", 3)
    (tmp_path / "lexicon.txt").write_text("low L OW\n")
    with pytest.raises(UserError, match=r"has no word of the training text; use the same letter case in both"):
        of_phones(tmp_path / "lexicon.txt")
    (tmp_path / "tokens.txt").write_text("A 0\n<blk> 1\n")
    with pytest.raises(UserError, match=r"is no table of tokens that begins with <blk>"):
        Tokens.read(tmp_path)


def test_probabilities_of_a_lexicon_are_not_used_and_that_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "lexiconp.txt").write_text("A 1.0 AH\nA 0.5 EY\n")
    tokens = Tokens.learn([["A"]], LangOptions(tokens="phones"), tmp_path / "lexiconp.txt")
    assert tokens.spellings("A") == [("AH",), ("EY",)]
    assert "CTC does not use its probabilities" in caplog.text
