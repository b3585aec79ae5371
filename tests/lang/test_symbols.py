from __future__ import annotations

import tempfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr_prune.errors import UserError
from asr_prune.lang.symbols import number_symbols, read_symbols, write_symbols
from asr_prune.text import BLANKS

FOREIGN = "\x1c\x85\u00a0\u2028\u3000"
words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters=f"{BLANKS}\0"), min_size=1)


@given(st.lists(words | st.text(st.sampled_from(f"ab{FOREIGN}"), min_size=1), unique=True))
def test_any_word_is_read_back(symbols: list[str]) -> None:
    table = number_symbols(symbol for symbol in symbols if symbol != "<eps>")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "words.txt"
        write_symbols(table, path)
        assert read_symbols(path) == table


@given(st.text(st.sampled_from(f"ab 01\t\r\n\0٣{FOREIGN}")))
def test_any_text_is_a_table_or_refused(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder, suppress(UserError):
        path = Path(folder) / "words.txt"
        path.write_bytes(text.encode())
        assert all(symbol and number >= 0 for symbol, number in read_symbols(path).items())


@pytest.mark.parametrize("line", ["A", "A B", "A ٣", "A 1 2", "A -1", "", "A\u00a01"])
def test_other_lines_are_named(tmp_path: Path, line: str) -> None:
    (tmp_path / "words.txt").write_text(f"<eps> 0\n{line}\nB 2\n")
    with pytest.raises(UserError, match=r"words.txt:2: expected `symbol id`"):
        read_symbols(tmp_path / "words.txt")


def test_tables_of_kaldi_may_have_tabs(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("<eps>\t0\r\nA\t1\r\n")
    assert read_symbols(tmp_path / "words.txt") == {"<eps>": 0, "A": 1}
