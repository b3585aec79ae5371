"""Kaldi's encodings as other builds of Kaldi write them, and damaged ones."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from asr_prune.errors import UserError
from asr_prune.hmm.tree import read_tree
from asr_prune.kaldi_format import BINARY, KaldiReader

PATH = Path("x")


def test_numbers_and_arrays_of_a_build_with_double_precision() -> None:
    data = BINARY + b"\x08" + struct.pack("<d", 0.1) + b"\x04" + struct.pack("<f", 0.5)
    data += b"DV \x04" + struct.pack("<i2d", 2, 1.5, 2.5) + b"DM \x04" + struct.pack("<i", 1)
    data += b"\x04" + struct.pack("<id", 1, 7.0)
    reader = KaldiReader(data, PATH)
    assert (reader.real(), reader.real()) == (0.1, 0.5)
    assert (reader.vector().tolist(), reader.matrix().tolist()) == ([1.5, 2.5], [[7.0]])
    with pytest.raises(UserError, match="expected a number"):
        KaldiReader(BINARY + b"\x02ab", PATH).real()


@pytest.mark.parametrize("text", [b"[ ]\n1", b" []\n1", b" []  1"])
def test_empty_arrays_in_text(text: bytes) -> None:
    for read in (KaldiReader.vector, KaldiReader.matrix):
        reader = KaldiReader(text, PATH)
        assert np.size(read(reader)) == 0
        assert reader.integer() == 1


def test_a_tree_of_older_kaldi_has_lengths_of_phones(tmp_path: Path) -> None:
    new = "ContextDependency 1 0 ToPdf TE 0 2 ( NULL CE 3 \n) \nEndContextDependency "
    (tmp_path / "new").write_text(new)
    (tmp_path / "old").write_text(new.replace("ToPdf", "ToLength TE 0 2 ( NULL CE 1 \n) \nToPdf"))
    assert read_tree(tmp_path / "old") == read_tree(tmp_path / "new")


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "99999999999", "2147483648", "0.5", "x"])
def test_what_is_no_integer_of_32_bits_is_one_sentence(text: str) -> None:
    for read, data in ((KaldiReader.integer, f"{text} "), (KaldiReader.ints, f"[ 1 {text} ]\n")):
        with pytest.raises(UserError, match=r"x: expected a (whole )?number.*found"):
            read(KaldiReader(data.encode(), PATH))
    limits = KaldiReader(b"[ -2147483648 2147483647 ]\n", PATH)
    assert limits.ints() == [-(2**31), 2**31 - 1]


@pytest.mark.parametrize("length", [3, 40, 41, 500])
def test_an_unexpected_token_is_quoted_up_to_forty_letters(tmp_path: Path, length: int) -> None:
    path = tmp_path / "final.mdl"
    path.write_text("x" * length + " ")
    reader = KaldiReader.open(path, "align")
    with pytest.raises(UserError, match=f"expected <A> or <B>, found '{'x' * min(length, 40)}'"):
        reader.expect("<A>", "<B>")


@pytest.mark.parametrize("text", ["[ 1 2\n 3 4 ]", "[\n 1 2\n 3 4 ]", " [\n1 2 \n3 4\n]"])
def test_a_text_matrix_has_a_row_per_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "final.mat").write_text(text + "\n")
    assert KaldiReader.open(tmp_path / "final.mat", "align").matrix().tolist() == [[1, 2], [3, 4]]
