from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from asr_prune.errors import UserError
from asr_prune.lang.arpa import check_arpa
from asr_prune.lang.dictionary import (
    arpa_words,
    copy_arpa,
    find_list,
    read_dictionary,
    text_lines,
    write_flat_unigram,
    write_lexicon,
)


def test_comments_and_reserved_words_are_left_out(tmp_path: Path) -> None:
    lines = [";;; CMUdict", "A  AH0", "a(2) EY1", "tree\tT R IY1", "naive # a note", "<s> SIL", "(paren P AA1"]
    (tmp_path / "cmudict").write_text("\n".join([*lines, "", "tree T R IY1", "etc EH0 T # abbreviation"]))
    assert read_dictionary(tmp_path / "cmudict", lower=True) == [
        ("a", ("AH0",)),
        ("a", ("EY1",)),
        ("tree", ("T", "R", "IY1")),
        ("(paren", ("P", "AA1")),
        ("etc", ("EH0", "T")),
    ]
    write_lexicon(tmp_path / "lexicon.txt", [("a", ("AH0",)), ("a", ("AH0",))])
    assert (tmp_path / "lexicon.txt").read_text() == "a AH0\n"


def test_gzipped_and_plain_are_the_same(tmp_path: Path) -> None:
    write_flat_unigram(tmp_path / "plain.arpa", ["YES", "NO"])
    with gzip.open(tmp_path / "packed.arpa.gz", "wb") as file:
        file.write((tmp_path / "plain.arpa").read_bytes())
    assert find_list([tmp_path / "none", tmp_path], ["absent", "packed.arpa"]) == tmp_path / "packed.arpa.gz"
    copy_arpa(tmp_path / "packed.arpa.gz", tmp_path / "out.arpa")
    assert (tmp_path / "out.arpa").read_bytes() == (tmp_path / "plain.arpa").read_bytes()
    assert arpa_words(tmp_path / "packed.arpa.gz") == {"YES", "NO"}
    found = check_arpa(tmp_path / "out.arpa")
    assert (found.words, found.order) == ({"<s>", "</s>", "YES", "NO"}, 1)


def test_only_unigrams_are_read(tmp_path: Path) -> None:
    text = "comment\n\\1-grams:\np_1 wd_1\n"
    text += "\\data\\\nngram 1=2\n\n\\1-grams:\n-1 a -1\n-1 <s>\n\n\\2-grams:\n-1 a b\n\\end\\\n"
    (tmp_path / "lm").write_text(text)
    assert arpa_words(tmp_path / "lm") == {"a"}


def test_damage_is_one_sentence(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "a.gz", "wb") as file:
        file.write(bytes(range(256)) * 99)
    whole = (tmp_path / "a.gz").read_bytes()
    (tmp_path / "a.gz").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "b.gz").write_bytes(b"no gzip")
    (tmp_path / "c").write_bytes("Grüße".encode("latin-1"))
    for name in ("a.gz", "b.gz", "c"):
        with pytest.raises(UserError, match=f"{name} is cut short or damaged"):
            list(text_lines(tmp_path / name))
    for name in ("a.gz", "b.gz"):
        with pytest.raises(UserError, match=f"{name} is cut short or damaged"):
            copy_arpa(tmp_path / name, tmp_path / "out")
    with pytest.raises(UserError, match="nowhere is not there"):
        list(text_lines(tmp_path / "nowhere"))
    assert not (tmp_path / "out").exists()
