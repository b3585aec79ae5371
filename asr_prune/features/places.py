"""Where the matrices of an scp file are: archive, offset and range."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import numpy as np

from asr_prune.errors import UserError

#: rows by which a range may exceed its matrix, since times are rounded (kaldi-holder.cc)
_BEYOND = 3
_NUMBER = "[0-9]{1,18}"
_RANGE = rf"(?::|({_NUMBER}):({_NUMBER}))"
_ENTRY = re.compile(rf"(.+):({_NUMBER})(?:\[{_RANGE}(?:,{_RANGE})?\])?", re.DOTALL)
_Range = tuple[int, int] | None


class Place(NamedTuple):
    """A matrix in an archive, or a part of it.

    offset: bytes; rows, columns: the first and the last, from 0 (None: all).
    """

    archive: str
    offset: int
    rows: _Range = None
    columns: _Range = None

    @classmethod
    def parse(cls, scp: Path, key: str, entry: str) -> Place:
        """From `archive:offset`, maybe with Kaldi's `[first:last]` or `[first:last,first:last]`.

        `:` alone means all. Raises UserError, which names `scp` and `key`, if `entry` is anything else.
        """
        if entry.endswith("|"):
            remedy = "copy the features to an archive, since pipes are not run"
            raise UserError(f"{scp}: {key} is a pipe ({entry[:60]}); {remedy}.")
        found = _ENTRY.fullmatch(entry)
        if found is None:
            what = f"{key} is not `archive:offset`, with a range `[first:last]` or without, but {entry[:90]}"
            raise UserError(f"{scp}: {what}; correct it, or copy the features to an archive again.")
        archive, offset, *ends = found.groups()
        rows, columns = ((int(one), int(two)) if one else None for one, two in zip(ends[::2], ends[1::2], strict=True))
        return cls(archive, int(offset), rows, columns)

    def length(self, rows: int) -> int:
        """Rows of the part, if the matrix has `rows`. Raises ValueError if the range is not within it."""
        if self.rows is None:
            return rows
        first, last = self.rows
        if not first <= last < rows + _BEYOND or first >= rows:
            raise ValueError(f"rows {first} to {last} of {rows}")
        return min(last, rows - 1) - first + 1

    def part(self, matrix: np.ndarray) -> np.ndarray:
        """The part of the stored `matrix`. Raises ValueError as `length`."""
        length = self.length(len(matrix))
        if self.rows is not None:
            matrix = matrix[self.rows[0] : self.rows[0] + length]
        if self.columns is not None:
            first, last = self.columns
            if not first <= last < matrix.shape[1]:
                raise ValueError(f"columns {first} to {last} of {matrix.shape[1]}")
            matrix = matrix[:, first : last + 1]
        return np.ascontiguousarray(matrix)
