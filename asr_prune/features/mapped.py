"""Matrices of binary archives read by memory map: the system keeps what is used often, and nothing
else is held.
"""

from __future__ import annotations

import mmap
import os
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

#: first bytes of a binary matrix, with its dtype; the numbers of rows and of columns follow
_TYPES: dict[bytes, np.dtype[Any]] = {b"\0BFM ": np.dtype("<f4"), b"\0BDM ": np.dtype("<f8")}
_HEAD = 15  # bytes: the type, and two integers of four bytes, each after a byte that says so
_MAPS = 128  # archives a process keeps open


class _Stamp(NamedTuple):
    """Changes when an archive is rewritten."""

    path: str
    inode: int
    size: int
    mtime_ns: int


def read_mapped(archive: str, offset: int) -> np.ndarray | None:
    """The matrix at `offset`, float32 or float64 [rows, columns], in memory of its own, if it is a
    plain binary one and the archive holds all of it; else None.

    Raises OSError if the archive cannot be opened.
    """
    stat = os.stat(archive)
    if offset + _HEAD > stat.st_size:
        return None
    data = _map(_Stamp(archive, stat.st_ino, stat.st_size, stat.st_mtime_ns))
    head = data[offset : offset + _HEAD]
    dtype = _TYPES.get(head[:5])
    if dtype is None or head[5] != 4 or head[10] != 4:
        return None
    rows, columns = int.from_bytes(head[6:10], "little"), int.from_bytes(head[11:], "little")
    start = offset + _HEAD
    if start + rows * columns * dtype.itemsize > stat.st_size:
        return None
    values = np.frombuffer(memoryview(data), dtype, rows * columns, start)
    return values.reshape(rows, columns).copy()


@lru_cache(maxsize=_MAPS)
def _map(stamp: _Stamp) -> mmap.mmap:
    with open(stamp.path, "rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
