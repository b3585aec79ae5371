"""FSTs and lattices as numpy arrays, since loops over arcs in Python are slow."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import BinaryIO

import kaldifst
import numpy as np

from asr_prune.errors import UserError
from asr_prune.lang.binary import Parts, read_parts, to_bytes
from asr_prune.lang.fst import Fst, to_fst
from asr_prune.scratch import scratch_file


@dataclass
class FstArrays:
    """An FST as arrays.

    start: state, -1 for none; finals: float32 [states], infinity for states that are not final;
    counts: arcs of each state, int64 [states]; arcs: `binary.ARC` [arcs], ordered by state. Of a
    lattice finals are [states, 2] and arcs `binary.LATTICE_ARC`: graph cost and acoustic cost.
    """

    start: int
    finals: np.ndarray
    counts: np.ndarray
    arcs: np.ndarray

    @classmethod
    def of(cls, fst: Fst | kaldifst.Lattice) -> FstArrays:
        with scratch_file() as path:
            # `const` can be read without a loop over states; lattices do not have that form
            written = fst if isinstance(fst, kaldifst.Lattice) else kaldifst.StdConstFst(fst)
            if not written.write(str(path)):
                raise UserError(f"cannot write {path}; free memory, or space in TMPDIR.")
            return cls.read(io.BytesIO(path.read_bytes()))

    @classmethod
    def read(cls, file: BinaryIO) -> FstArrays:
        """Reads a binary FST of type `vector` or `const`. Raises ValueError as `read_parts`."""
        return cls(*read_parts(file))

    @property
    def _parts(self) -> Parts:
        return Parts(self.start, self.finals, self.counts, self.arcs)

    @property
    def sources(self) -> np.ndarray:
        """The state that each arc leaves, int64 [arcs]."""
        return np.repeat(np.arange(len(self.counts)), self.counts)

    def bytes(self) -> bytes:
        """OpenFst's binary `vector` form, with no property claimed."""
        return to_bytes(self._parts)

    def fst(self) -> Fst:
        """The arrays as an FST; not for lattices."""
        return to_fst(self._parts)
