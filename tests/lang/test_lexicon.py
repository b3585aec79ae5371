from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr_prune.errors import UserError
from asr_prune.lang.lexicon import Entry, add_disambig, mark_positions, read_lexicon

pronunciations = st.lists(st.sampled_from("ab"), min_size=1, max_size=3).map(tuple)


def slow_disambig(entries: list[Entry]) -> list[tuple[str, ...]]:
    """Looks at all pairs: marks what equals or begins another, numbering equal ones in their order."""
    marked = []
    for i, (_, phones) in enumerate(entries):
        others = [other for j, (_, other) in enumerate(entries) if j != i]
        if not any(other[: len(phones)] == phones for other in others):
            marked.append(phones)
            continue
        earlier = sum(1 for _, other in entries[:i] if other == phones)
        marked.append((*phones, f"#{earlier + 1}"))
    return marked


@given(st.lists(pronunciations, min_size=1, max_size=8))
def test_disambig_as_the_slow_definition(pronounced: list[tuple[str, ...]]) -> None:
    entries = [(f"W{i}", phones) for i, phones in enumerate(pronounced)]
    marked, highest = add_disambig(entries)
    assert [phones for _, phones in marked] == slow_disambig(entries)
    assert highest == max((int(p[-1][1:]) for _, p in marked if p[-1].startswith("#")), default=0)


@given(st.lists(pronunciations, min_size=1, max_size=8))
def test_disambig_leaves_no_pronunciation_that_begins_another(pronounced: list[tuple[str, ...]]) -> None:
    marked, _ = add_disambig([(f"W{i}", phones) for i, phones in enumerate(pronounced)])
    for i, (_, one) in enumerate(marked):
        assert all(other[: len(one)] != one for j, (_, other) in enumerate(marked) if j != i)


def test_reads_sorted_with_alternatives_and_counts_repeats(lexicon: Callable[[str], Path]) -> None:
    read = read_lexicon(lexicon("TWO T UW\nA AH\n\nA EY\nTWO  T  UW\n"))
    assert read.entries == [("A", ("AH",)), ("A", ("EY",)), ("TWO", ("T", "UW"))]
    assert read.duplicates == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("A AH\nB\n", ["lexicon.txt:2", "'B'", "empty pronunciation"]),
        ("A AH #1\n", ["lexicon.txt:1", "'#1'", "'A'"]),
        ("CALL K AO L\t# note\n", ["lexicon.txt:1", "'#'", "'CALL'", "comment"]),
        ("A AH #note\n", ["lexicon.txt:1", "'#note'"]),
        ("A AH\n;;; of CMU\n", ["lexicon.txt:2", "comment"]),
        ("# of CMU\nA AH\n", ["lexicon.txt:1", "comment"]),
        ("A AH\nB\u00a0IY B\n", ["lexicon.txt:2", "U+00A0"]),
        ("A AH\u2028B IY\n", ["lexicon.txt:1", "U+2028"]),
        ("A AH\x1cEH\n", ["lexicon.txt:1", "U+001C"]),
        ("A AH\nB\0 IY\n", ["lexicon.txt:2", "0x00"]),
        ("A <eps>\n", ["lexicon.txt:1", "'<eps>'"]),
        ("A AH\n\n<s> B\n", ["lexicon.txt:3", "'<s>'", "reserved"]),
        ("#0 B\n", ["'#0'", "reserved"]),
        ("\n", ["empty"]),
    ],
)
def test_errors_name_the_line(lexicon: Callable[[str], Path], text: str, words: list[str]) -> None:
    with pytest.raises(UserError) as error:
        read_lexicon(lexicon(text))
    assert all(word in str(error.value) for word in words)


def test_missing_or_not_text(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="correct its path"):
        read_lexicon(tmp_path / "none.txt")
    (tmp_path / "latin1.txt").write_bytes("CAFÉ K AE\n".encode("latin1"))
    with pytest.raises(UserError, match=r"latin1.txt:1: the byte 0xC9 is not UTF-8; .* Latin-1: .*`iconv"):
        read_lexicon(tmp_path / "latin1.txt")


def test_a_word_may_look_like_a_comment_or_a_variant(
    lexicon: Callable[[str], Path], caplog: pytest.LogCaptureFixture
) -> None:
    read = read_lexicon(lexicon("\ufeff# HH AE\r\n;; AE HH\r\nA AE\r\nA(2) HH\r\nB AE HH\r\n"))
    assert [word for word, _ in read.entries] == ["#", ";;", "A", "A(2)", "B"]
    assert "A(2) are words of their own" in caplog.text


def test_positions() -> None:
    assert mark_positions(("AH",)) == ("AH_S",)
    assert mark_positions(("AE", "N", "D")) == ("AE_B", "N_I", "D_E")
    assert mark_positions(("G", "OW")) == ("G_B", "OW_E")
