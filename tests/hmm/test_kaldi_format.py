"""What is wrong with a damaged file, in one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from asr_prune.errors import UserError
from asr_prune.hmm.kaldi_format import KaldiReader


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
