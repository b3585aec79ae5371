from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from asr_prune.errors import UserError
from asr_prune.lang.ngram.text import OOV_ID, Vocabulary, encode_text, read_sentences


def test_lines_are_sentences_without_their_marks(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("A B\n\n<s> C </s>\n<s> </s>\nD\u00c9J\u00c0 </s>\n", encoding="utf-8")
    assert list(read_sentences(tmp_path / "a.txt")) == [["A", "B"], ["C"], ["D\u00c9J\u00c0"]]


def test_gzipped_and_named(tmp_path: Path) -> None:
    (tmp_path / "text.gz").write_bytes(gzip.compress(b"ann-1 A B\nann-2\nann-3 <s> C </s>\n"))
    assert list(read_sentences(tmp_path / "text.gz", named=True)) == [["A", "B"], ["C"]]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.txt", b"A B\nA <s> B\n", ["a.txt:2", "'<s>'", "remove it"]),
        ("a.txt", b"A #0 B\n", ["a.txt:1", "'#0'"]),
        ("a.txt", b"A \xff B\n", ["a.txt:1", "0xFF", "UTF-8"]),
        ("a.gz", gzip.compress(b"A B\n" * 1000, mtime=0)[:-20], ["damaged"]),
        ("a.gz", b"A B\n", ["damaged"]),
    ],
)
def test_bad_text_is_one_sentence(tmp_path: Path, name: str, content: bytes, words: list[str]) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError) as error:
        list(read_sentences(tmp_path / name))
    assert all(word in str(error.value) for word in [name, *words])


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.txt is not there"):
        list(read_sentences(tmp_path / "none.txt"))


def test_words_are_numbered_in_c_order_and_others_counted() -> None:
    vocabulary = Vocabulary.of(["b", "a", "B", "</s>", "<unk>"], oov="<unk>")
    assert vocabulary.words == ["<s>", "</s>", "<unk>", "B", "a", "b"]
    tokens = encode_text([["a", "x", "y"], ["x"]], vocabulary)
    assert tokens.ids.tolist() == [0, 4, OOV_ID, OOV_ID, 1, 0, OOV_ID, 1]
    assert tokens.mapped(vocabulary.oov).tolist() == [0, 4, 2, 2, 1, 0, 2, 1]
    assert (tokens.words, tokens.sentences, dict(tokens.unknown)) == (4, 2, {"x": 2, "y": 1})
    assert str(tokens) == "4 words in 2 sentences, 3 (75.00 %) outside the vocabulary: x, y"
    assert Vocabulary.of(["a"], oov="<unk>").oov == OOV_ID
