"""FSTs and lattices as numpy arrays, for what takes too long arc by arc."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import kaldifst
import numpy as np

from asr_prune.decode.binary import Parts, read_parts, to_bytes
from asr_prune.errors import UserError
from asr_prune.lang.fst import Fst


@dataclass
class FstArrays:
    """start: state, -1 where there is none; finals float32 [states], infinity where not final; counts int64 [states] of
    arcs; arcs: `binary.ARC` [arcs], by state.

    Of a lattice, finals are [states, 2] and arcs `binary.LATTICE_ARC`: graph cost and acoustic cost.
    """

    start: int
    finals: np.ndarray
    counts: np.ndarray
    arcs: np.ndarray

    @classmethod
    def of(cls, fst: Fst | kaldifst.Lattice) -> FstArrays:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "fst"
            # of the two forms, `const` needs no loop over states to be read; lattices have none
            written = fst if isinstance(fst, kaldifst.Lattice) else kaldifst.StdConstFst(fst)
            if not written.write(str(path)):
                raise UserError(f"cannot write a temporary file in {folder}; free space there or set TMPDIR.")
            with open(path, "rb") as file:
                return cls.read(file)

    @classmethod
    def read(cls, file: BinaryIO) -> FstArrays:
        """Of a binary FST of type `vector` or `const`. Raises ValueError as `read_parts`."""
        return cls(*read_parts(file))

    @property
    def sources(self) -> np.ndarray:
        """The state that each arc leaves, int64 [arcs]."""
        return np.repeat(np.arange(len(self.counts)), self.counts)

    def bytes(self) -> bytes:
        """OpenFst's binary `vector` form, with no property claimed."""
        return to_bytes(Parts(self.start, self.finals, self.counts, self.arcs))

    def fst(self) -> Fst:
        """The arrays as an FST again. Not for lattices."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "fst"
            path.write_bytes(self.bytes())
            return Fst.read(str(path))
