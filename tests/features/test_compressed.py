from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest

from asr_prune.errors import UserError
from asr_prune.features.archive import kaldi_io, read_matrices
from asr_prune.features.compressed import read_compressed

LOW, SPAN = -3.5, 11.25


def packed(kind: str, rows: int, columns: int, seed: int = 0) -> tuple[bytes, np.ndarray]:
    """Random bytes of a matrix of `kind` (CM, CM2, CM3), and its values by compressed-matrix.cc, number by number."""
    dice = np.random.default_rng(seed)
    head = b"\0B" + f"{kind} ".encode() + struct.pack("<ffii", LOW, SPAN, rows, columns)
    values = np.zeros((rows, columns))
    if kind != "CM":
        steps, dtype = (65535, "<u2") if kind == "CM2" else (255, "u1")
        codes = dice.integers(0, steps + 1, (rows, columns)).astype(dtype)
        for row, column in np.ndindex(rows, columns):
            values[row, column] = LOW + int(codes[row, column]) * (SPAN / steps)
        return head + codes.tobytes(), values
    quarters = np.sort(dice.integers(0, 65536, (columns, 4)), 1).astype("<u2")
    codes = dice.integers(0, 256, (columns, rows)).astype("u1")
    for row, column in np.ndindex(rows, columns):
        p0, p25, p75, p100 = (LOW + SPAN * 1.52590218966964e-05 * int(quarter) for quarter in quarters[column])
        code = int(codes[column, row])
        if code <= 64:
            values[row, column] = p0 + (p25 - p0) * code / 64
        elif code <= 192:
            values[row, column] = p25 + (p75 - p25) * (code - 64) / 128
        else:
            values[row, column] = p75 + (p100 - p75) * (code - 192) / 63
    return head + quarters.tobytes() + codes.tobytes(), values


@pytest.mark.parametrize("kind", ["CM", "CM2", "CM3"])
@pytest.mark.parametrize("shape", [(40, 7), (1, 1), (3, 13), (0, 0)])
def test_values_are_kaldis(kind: str, shape: tuple[int, int]) -> None:
    data, values = packed(kind, *shape)
    file = io.BytesIO(data + b"next")
    found = read_compressed(file)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, values, atol=2e-6)
    assert file.read() == b"next"


def test_an_archive_may_hold_both_kinds_and_damage_is_one_sentence(tmp_path: Path) -> None:
    data, values = packed("CM2", 4, 3)
    plain = io.BytesIO()
    plain.mode = "wb"  # type: ignore[attr-defined]
    kaldi_io.write_mat(plain, values.astype(np.float32))
    (tmp_path / "feats.ark").write_bytes(b"a " + data + b"b " + plain.getvalue() + b"c " + data[:-1])
    offsets = 2, 4 + len(data), 6 + len(data) + len(plain.getvalue())
    lines = (f"{key} {tmp_path}/feats.ark:{offset}\n" for key, offset in zip("abc", offsets, strict=True))
    (tmp_path / "feats.scp").write_text("".join(lines))
    for _, matrix in read_matrices(tmp_path / "feats.scp", ["a", "b"]):
        np.testing.assert_allclose(matrix, values, atol=2e-6)
    with pytest.raises(UserError, match=r"the matrix of c is damaged \(the data end early\); run the features stage"):
        list(read_matrices(tmp_path / "feats.scp", ["c"]))


def test_matrices_wherever_they_begin(tmp_path: Path) -> None:
    """The first bytes of a matrix may lie on both sides of the edge of what is read at once."""
    data, values = packed("CM", 4, 3)
    starts = range(io.DEFAULT_BUFFER_SIZE - 8, io.DEFAULT_BUFFER_SIZE + 2)
    for start in starts:
        (tmp_path / "feats.ark").write_bytes(b"a " + data + bytes(start - 2 - len(data)) + data)
        (tmp_path / "feats.scp").write_text(f"a {tmp_path}/feats.ark:2\nb {tmp_path}/feats.ark:{start}\n")
        for _, matrix in read_matrices(tmp_path / "feats.scp"):
            np.testing.assert_allclose(matrix, values, atol=2e-6)


@pytest.mark.parametrize("data", [b"\0BCM4 " + bytes(16), b"\0BCM " + struct.pack("<ffii", 0, 1, -1, 5), b"\0BCM"])
def test_what_is_none(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"not a compressed matrix|end early"):
        read_compressed(io.BytesIO(data))
