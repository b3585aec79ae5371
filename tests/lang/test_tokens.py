"""Tokens: words go in and come out, whatever they are; what cannot be learned is told."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asr_prune.errors import UserError
from asr_prune.lang.options import LangOptions
from asr_prune.lang.tokens import BLANK, Tokens, spelled

TEXT = [["HELLO", "WORLD"], ["YELLOW", "HELL"], ["LOW", "OLD"]] * 5
sentences = st.lists(st.text(st.sampled_from("DEHLORWY"), min_size=1, max_size=8), max_size=5)


def tokens_of(kind: str, pieces: int = 20) -> Tokens:
    return Tokens.learn(TEXT, LangOptions(tokens=kind, pieces=pieces))  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["characters", "pieces"])
@given(sentences)
@settings(deadline=None, max_examples=30)
def test_words_come_back_from_their_tokens(kind: str, words: list[str]) -> None:
    tokens = tokens_of(kind)
    ids = tokens.of_words(words)
    assert ids is not None
    assert 0 not in ids
    assert spelled(tokens.symbols[i] for i in ids) == words


def test_characters_begin_with_the_mark_of_a_word() -> None:
    tokens = tokens_of("characters")
    assert tokens.symbols == [BLANK, "▁", *"DEHLORWY"]
    assert tokens.spelling("LOW") == ("▁", "L", "O", "W")


def test_pieces_are_fewer_than_characters() -> None:
    ids = tokens_of("pieces").of_words(["HELLO", "WORLD"])
    assert ids is not None
    assert len(ids) < 12


@pytest.mark.parametrize("kind", ["characters", "pieces"])
def test_a_character_that_was_never_seen_cannot_be_spelled(kind: str) -> None:
    tokens = tokens_of(kind)
    assert tokens.spelling("QUELL") is None
    assert tokens.of_words(["HELL", "QUELL"]) is None


@pytest.mark.parametrize("kind", ["characters", "pieces"])
def test_a_folder_gives_back_what_was_written(kind: str, tmp_path: Path) -> None:
    tokens = tokens_of(kind)
    tokens.write(tmp_path)
    again = Tokens.read(tmp_path)
    assert again.symbols == tokens.symbols
    assert again.spelling("YELLOW") == tokens.spelling("YELLOW")
    assert (tmp_path / "tokens.model").is_file() == (kind == "pieces")


def test_the_same_text_gives_the_same_pieces() -> None:
    assert tokens_of("pieces").model == tokens_of("pieces").model


def test_bad_input_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no transcript of the training set has a word"):
        Tokens.learn([[], []], LangOptions())
    with pytest.raises(UserError, match=r"cannot make 3 pieces of the training text \(Vocabulary size is smaller"):
        tokens_of("pieces", 3)
    (tmp_path / "tokens.txt").write_text("A 0\n<blk> 1\n")
    with pytest.raises(UserError, match=r"is no table of tokens that begins with <blk>"):
        Tokens.read(tmp_path)
