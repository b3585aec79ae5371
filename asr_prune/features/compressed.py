"""Kaldi's compressed matrices CM, CM2 and CM3 (compressed-matrix.h)."""

from __future__ import annotations

import struct
from typing import BinaryIO

import numpy as np

#: first bytes of a compressed matrix
COMPRESSED = b"\0BCM"
_HEADER = struct.Struct("<ffii")  # least value, range, rows, columns


def read_compressed(file: BinaryIO) -> np.ndarray:
    """Reads one matrix, float32 [rows, columns].

    Raises ValueError if the data are invalid or end early.
    """
    name = _take(file, 5)[2:]
    kind = name + (_take(file, 1) if name != b"CM " else b"")
    low, span, rows, columns = _HEADER.unpack(_take(file, _HEADER.size))
    if rows < 0 or columns < 0 or kind not in (b"CM ", b"CM2 ", b"CM3 "):
        raise ValueError("not a compressed matrix")
    if kind == b"CM ":
        return _by_percentiles(file, np.float32(low), np.float32(span), rows, columns)
    dtype, steps = ("<u2", 65535) if kind == b"CM2 " else ("u1", 255)
    values = np.frombuffer(_take(file, rows * columns * np.dtype(dtype).itemsize), dtype)
    matrix = np.float32(low) + values.astype(np.float32) * np.float32(span / steps)
    return matrix.reshape(rows, columns)


def _take(file: BinaryIO, count: int) -> bytes:
    data = file.read(count)
    if len(data) < count:
        raise ValueError("the data end early")
    return data


def _by_percentiles(file: BinaryIO, low: np.float32, span: np.float32, rows: int, columns: int) -> np.ndarray:
    """Interpolates linearly between the 0th, 25th, 75th and 100th percentile of a column."""
    quarters = np.frombuffer(_take(file, 8 * columns), "<u2").reshape(columns, 4).astype(np.float32)
    points = low + span * np.float32(1 / 65535) * quarters  # [columns, 4]
    codes = np.frombuffer(_take(file, rows * columns), "u1").reshape(columns, rows)
    values = np.empty((columns, rows), np.float32)
    for percentiles, code, value in zip(points, codes, values, strict=True):
        value[:] = np.interp(code, (0, 64, 192, 255), percentiles)
    return np.ascontiguousarray(values.T)
