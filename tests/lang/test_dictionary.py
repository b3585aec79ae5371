from __future__ import annotations

import gzip
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr_prune.errors import UserError
from asr_prune.lang.arpa import check_arpa
from asr_prune.lang.dictionary import (
    arpa_words,
    copy_arpa,
    copy_lexicon,
    find_list,
    read_dictionary,
    respelled,
    text_lines,
    write_flat_unigram,
    write_lexicon,
)


def test_comments_and_reserved_words_are_left_out(tmp_path: Path) -> None:
    lines = [";;; CMUdict", "A  AH0", "a(2) EY1", "tree\tT R IY1", "naive # a note", "<s> SIL", "(paren P AA1"]
    (tmp_path / "cmudict").write_text("\n".join([*lines, "", "tree T R IY1", "etc EH0 T # abbreviation"]))
    assert list(read_dictionary(tmp_path / "cmudict", lower=True)) == [
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
        file.writelines(f"W{i} AH\n".encode() for i in range(999))
    whole = (tmp_path / "a.gz").read_bytes()
    (tmp_path / "a.gz").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "b.gz").write_bytes(b"no gzip")
    for name in ("a.gz", "b.gz"):
        with pytest.raises(UserError, match=f"{name} is cut short or damaged"):
            list(text_lines(tmp_path / name))
    for name in ("a.gz", "b.gz"):
        with pytest.raises(UserError, match=f"{name} is cut short or damaged"):
            copy_arpa(tmp_path / name, tmp_path / "out")
    (tmp_path / "c").write_bytes("Grüße".encode("latin-1"))
    for read in (lambda path: list(text_lines(path)), lambda path: copy_arpa(path, tmp_path / "out")):
        with pytest.raises(UserError, match=r"c:1: the byte 0xFC is not UTF-8.*Latin-1"):
            read(tmp_path / "c")
    with pytest.raises(UserError, match="nowhere is not there"):
        list(text_lines(tmp_path / "nowhere"))
    assert not (tmp_path / "out").exists()


def test_comments_after_any_blank(tmp_path: Path) -> None:
    text = "# of the whole\n#\nCALL K AO L\t# note\nOFF AO F #note\n#TAG T AE G\n;;; K # AO\n"
    (tmp_path / "dict").write_text(text)
    assert list(read_dictionary(tmp_path / "dict")) == [
        ("CALL", ("K", "AO", "L")),
        ("OFF", ("AO", "F")),
        ("#TAG", ("T", "AE", "G")),
    ]


@pytest.mark.parametrize("line", ["CALL K # L", "CALL K AO L #", "# K AO L"])
def test_what_may_be_phones_is_no_comment(tmp_path: Path, line: str) -> None:
    (tmp_path / "dict").write_text(f"ALL AO L\nOAK K\n{line}\n")
    with pytest.raises(UserError, match=r"dict:3: .* may be a comment or phones"):
        read_dictionary(tmp_path / "dict")


def test_words_without_phones_are_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "dict").write_text("A AH\nB\nC # none\n")
    assert list(read_dictionary(tmp_path / "dict")) == [("A", ("AH",))]
    assert "2 words without phones left out: B, C" in caplog.text


def test_probabilities_of_kaldis_dictionaries(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "lexiconp.txt").write_text("THE 1.0 DH AH\nthe 0.5 DH IY\nThe(2) 0.25 DH IY\nA 1 AH\n")
    read = read_dictionary(tmp_path / "lexiconp.txt", lower=True)
    assert read == {("the", ("DH", "AH")): 1.0, ("the", ("DH", "IY")): 0.5, ("a", ("AH",)): 1.0}
    assert write_lexicon(tmp_path / "out/lexicon.txt", respelled(read, str.upper)) == tmp_path / "out/lexiconp.txt"
    assert (tmp_path / "out/lexiconp.txt").read_text() == "THE 1.0 DH AH\nTHE 0.5 DH IY\nA 1.0 AH\n"
    (tmp_path / "lexiconp_silprob.txt").write_text("A 0.5 0.2 1.1 0.9 AH\n")
    assert read_dictionary(tmp_path / "lexiconp_silprob.txt") == {("A", ("AH",)): 0.5}
    assert "silence between words is left out" in caplog.text


@pytest.mark.parametrize(("phones", "optional"), [("SIL\nSPN\n", "SIL\n"), ("sil\n", "sil\n"), ("SIL\n", "SIL\n")])
def test_silence_phones_of_a_dictionary_folder_are_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, phones: str, optional: str
) -> None:
    for name, text in (("lexicon", "A AH\n"), ("silence_phones", phones), ("optional_silence", optional)):
        (tmp_path / f"{name}.txt").write_text(text)
    copy_lexicon(tmp_path, tmp_path / "out")
    wanted = (
        f"set lang.silence_phones=[{','.join(phones.split())}] and lang.optional_silence={optional.strip()}, unless"
    )
    assert (wanted in caplog.text) == (phones != "SIL\n")
    assert bool(caplog.text) == (phones != "SIL\n")


def test_a_dictionary_folder_of_kaldi_is_taken(tmp_path: Path) -> None:
    given, out = tmp_path / "dict", tmp_path / "out"
    given.mkdir()
    with pytest.raises(UserError, match=r"has none of lexiconp_silprob.txt, lexiconp.txt, lexicon.txt"):
        copy_lexicon(given, out)
    (given / "lexicon.txt").write_text("A AH\nB B IY\n")
    copy_lexicon(given, out)
    assert (out / "lexicon.txt").read_text() == "A AH\nB B IY\n"
    (given / "lexiconp.txt").write_text("A 1.0 AH\nB 0.5 B IY\n")
    copy_lexicon(given, out)
    assert (out / "lexiconp.txt").read_text() == "A 1.0 AH\nB 0.5 B IY\n"
    (given / "lexiconp_silprob.txt").write_text("A 1.0 0.2 1.1 0.9 AH\nB 0.5 0.3 1 1 B IY\n")
    with pytest.raises(UserError, match=r"silprob.txt cannot be read"):
        copy_lexicon(given, out)
    (given / "silprob.txt").write_text("<s> 0.9\n</s>_s 2.5\n</s>_n 0.1\noverall 0.2\n")
    copy_lexicon(given, out)
    for name in ("lexiconp_silprob.txt", "silprob.txt"):
        assert (out / name).read_bytes() == (given / name).read_bytes()
    (given / "lexicon.txt").write_text("A AH\nB B AH\n")
    with pytest.raises(UserError, match="differ in 2 pronunciations, the first: B B AH"):
        copy_lexicon(given, out)


@given(st.text(st.sampled_from("aA1.0#;() \t\r\n\0\x1c\u00a0<>s/")), st.sampled_from(["cmudict", "lexiconp.txt"]))
def test_any_text_is_a_dictionary_or_refused(text: str, name: str) -> None:
    with tempfile.TemporaryDirectory() as folder, suppress(UserError):
        path = Path(folder) / name
        path.write_bytes(text.encode())
        read = read_dictionary(path)
        for (word, phones), probability in read.items():
            assert phones
            assert not any(phone.startswith("#") for phone in phones)
            assert not word.startswith(";;;")
            assert 0 < probability <= 1
        write_lexicon(path.with_name("lexicon.txt"), read)
