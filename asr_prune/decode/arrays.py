"""FSTs as numpy arrays, for what takes too long arc by arc: OpenFst's binary `vector` form, read and written."""

from __future__ import annotations

import struct
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from asr_prune.errors import UserError
from asr_prune.lang.fst import Fst

MAGIC = 2125659606
ARC = np.dtype([("ilabel", "<i4"), ("olabel", "<i4"), ("weight", "<f4"), ("nextstate", "<i4")])
EXPANDED_MUTABLE = 3  # the only property bits that stay true whatever is done to the arcs


@dataclass
class FstArrays:
    """start: state; finals float32 [states], infinity where not final; counts int64 [states] of arcs; arcs: ARC [arcs],
    by state.
    """

    start: int
    finals: np.ndarray
    counts: np.ndarray
    arcs: np.ndarray

    @classmethod
    def of(cls, fst: Fst) -> FstArrays:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "fst"
            if not fst.write(str(path)):
                raise UserError(f"cannot write a temporary file in {folder}; free space there or set TMPDIR.")
            return cls._parse(path.read_bytes())

    @classmethod
    def _parse(cls, data: bytes) -> FstArrays:
        at = 4
        for _ in range(2):  # the names of FST type and arc type
            at += 4 + struct.unpack_from("<i", data, at)[0]
        start, states, _ = struct.unpack_from("<qqq", data, at + 16)
        at += 40
        finals, counts, pieces = np.empty(states, np.float32), np.empty(states, np.int64), []
        for state in range(states):
            finals[state], count = struct.unpack_from("<fq", data, at)
            counts[state] = count
            end = at + 12 + ARC.itemsize * count
            pieces.append(data[at + 12 : end])
            at = end
        return cls(start, finals, counts, np.frombuffer(b"".join(pieces), ARC).copy())

    def fst(self) -> Fst:
        """The arrays as an FST again, with no property claimed."""
        names = b"".join(struct.pack("<i", len(name)) + name for name in (b"vector", b"standard"))
        head = struct.pack("<i", MAGIC) + names + struct.pack("<iiQ", 2, 0, EXPANDED_MUTABLE)
        pieces = [head, struct.pack("<qqq", self.start, len(self.finals), len(self.arcs))]
        body, at = self.arcs.tobytes(), 0
        for final, count in zip(self.finals.tolist(), self.counts.tolist(), strict=True):
            end = at + ARC.itemsize * count
            pieces += [struct.pack("<fq", final, count), body[at:end]]
            at = end
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "fst"
            path.write_bytes(b"".join(pieces))
            return Fst.read(str(path))
