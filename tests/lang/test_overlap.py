"""Sentences of the test set in the text of the language model."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr_prune.lang.ngram.build import Text
from asr_prune.lang.overlap import OVERLAP, count_overlap, overlap_sentence, read_overlap, write_overlap

SENTENCES = st.lists(st.lists(st.sampled_from(["YES", "NO"]), max_size=3), max_size=8)


def texts(folder: Path, training: list[list[str]], test: list[list[str]]) -> tuple[Text, Text]:
    (folder / "lm.txt").write_text("".join(f"{' '.join(words)}\n" for words in training))
    (folder / "text").write_text("".join(f"u{i} {' '.join(words)}\n" for i, words in enumerate(test)))
    return Text([folder / "lm.txt"]), Text([folder / "text"], named=True)


@given(SENTENCES, SENTENCES)
def test_counts_are_those_of_a_slow_loop(
    tmp_path_factory: pytest.TempPathFactory, training: list[list[str]], test: list[list[str]]
) -> None:
    counts = count_overlap(*texts(tmp_path_factory.mktemp("texts"), training, test))
    spoken = [words for words in test if words]
    assert counts == {"sentences": len(spoken), "in_lm_text": len([words for words in spoken if words in training])}


def test_it_is_written_warned_of_and_read_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        write_overlap(*texts(tmp_path, [["YES"], ["NO", "NO"]], [["NO"], ["YES"], ["YES"], []]), tmp_path)
    said = "2 of 3 sentences of test (66.7 %) also stand in the language model's text"
    assert said in caplog.text
    assert read_overlap(tmp_path / OVERLAP).startswith(said)
    assert read_overlap(tmp_path / "none") == overlap_sentence({"sentences": 3, "in_lm_text": 0}) == ""
