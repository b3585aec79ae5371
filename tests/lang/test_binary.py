from __future__ import annotations

import io
import struct
from contextlib import suppress
from pathlib import Path
from typing import Any

import kaldifst
import numpy as np
import pytest

from asr_prune.decode.arrays import FstArrays
from asr_prune.errors import UserError
from asr_prune.lang.binary import ALIGNED
from asr_prune.lang.fst import Fst, lexicon_fst, read_fst, write_fst

#: where the first state's count of arcs stands
FIRST = 4 + 4 + len("vector") + 4 + len("standard") + 4 + 4 + 8 + 24 + 4


def same(one: FstArrays, other: FstArrays) -> bool:
    return one.start == other.start and all(
        np.array_equal(getattr(one, name), getattr(other, name)) for name in ("finals", "counts", "arcs")
    )


def aligned(data: bytes) -> bytes:
    """A `const` FST as older OpenFst wrote it: states and arcs at multiples of 16 bytes."""
    head = 4 + 4 + 5 + 4 + 8 + 8 + 8 + 24
    states = int.from_bytes(data[head - 16 : head - 8], "little")
    flagged = data[: head - 36] + ALIGNED.to_bytes(4, "little") + data[head - 32 : head]
    output = flagged + bytes(-len(flagged) % 16) + data[head : head + 20 * states]
    return output + bytes(-len(output) % 16) + data[head + 20 * states :]


@pytest.fixture
def fst() -> Fst:
    words = {f"W{i}": i for i in range(1, 9)}
    entries = [(word, ("a", "b")[: i % 3]) for word, i in words.items() if i % 3]
    return lexicon_fst(entries, {"a": 1, "b": 2, "SIL": 3}, words, 0.5, "SIL")


def test_const_is_read_as_vector_is(fst: Fst, tmp_path: Path) -> None:
    kaldifst.StdConstFst(fst).write(str(tmp_path / "const.fst"))
    data = (tmp_path / "const.fst").read_bytes()
    assert b"const" in data[:20]
    for content in (data, aligned(data)):
        file = io.BytesIO(content + b"next")
        assert same(FstArrays.read(file), FstArrays.of(fst))
        assert file.read() == b"next"


def test_vector_is_read_from_memory_as_from_a_file(fst: Fst, tmp_path: Path) -> None:
    data = FstArrays.of(fst).bytes()
    (tmp_path / "fst").write_bytes(data + b"next")
    with open(tmp_path / "fst", "rb") as file:
        memory = io.BytesIO(data + b"next")
        assert same(FstArrays.read(file), FstArrays.read(memory))
        assert file.read() == memory.read() == b"next"
    for size in (len(data) - 1, len(data) // 2, FIRST + 3):
        (tmp_path / "fst").write_bytes(data[:size])
        with open(tmp_path / "fst", "rb") as file:
            for source in (file, io.BytesIO(data[:size])):
                with pytest.raises(ValueError, match="truncated"):
                    FstArrays.read(source)


def test_lattices_are_written_as_the_library_reads_them(tmp_path: Path) -> None:
    lattice = kaldifst.Lattice()
    for _ in range(3):
        lattice.add_state()
    lattice.start = 0
    lattice.add_arc(0, kaldifst.LatticeArc(3, 7, kaldifst.LatticeWeight(1.5, -2.25), 2))
    lattice.set_final(2, kaldifst.LatticeWeight(0.5, 0.0))
    arrays = FstArrays.of(lattice)
    assert arrays.arcs[["ilabel", "olabel", "nextstate"]].tolist() == [(3, 7, 2)]
    assert arrays.arcs["weight"].tolist() == [[1.5, -2.25]]
    (tmp_path / "lat").write_bytes(arrays.bytes())
    again = kaldifst.Lattice.read(str(tmp_path / "lat"))
    assert again.to_str(show_weight_one=True) == lattice.to_str(show_weight_one=True)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: b"", "truncated"),
        (lambda data: data[:-1], "truncated"),
        (lambda data: b"text" + data[4:], "not an FST"),
        (lambda data: data.replace(b"vector", b"rector"), "type rector"),
        (lambda data: data[:4] + b"\xff" * 4 + data[8:], "header is damaged"),
        (lambda data: data[:-4] + b"\x77" * 4, "inconsistent"),
        (lambda data: data[:FIRST] + struct.pack("<q", 2**60) + data[FIRST + 8 :], "truncated"),
        (lambda data: data[:FIRST] + struct.pack("<q", 2**45) + data[FIRST + 8 :], "truncated"),
        (lambda data: data[:FIRST] + struct.pack("<q", -1) + data[FIRST + 8 :], "truncated"),
    ],
)
def test_damage(change: Any, message: str) -> None:
    data = FstArrays.of(kaldifst.compile("0 1 5 7 0.5\n1 0 6 0 2\n1 1 6 0 2\n")).bytes()
    with pytest.raises(ValueError, match=message):
        FstArrays.read(io.BytesIO(change(data)))


def test_no_flipped_bit_of_an_fst_ends_the_process(fst: Fst, tmp_path: Path) -> None:
    """The library ends the process on some; every bit is tried."""
    path = tmp_path / "L.fst"
    write_fst(fst, path)
    data, refused = path.read_bytes(), 0
    for at in range(len(data)):
        for bit in range(8):
            path.write_bytes(data[:at] + bytes([data[at] ^ (1 << bit)]) + data[at + 1 :])
            try:
                read = read_fst(path, "lang", ({"a": 3}, {"W": 8}))
            except UserError:
                refused += 1
                continue
            kaldifst.arcsort(read, "olabel")
            kaldifst.connect(read)
            with suppress(RuntimeError):  # ambiguous
                kaldifst.determinize_star(read, max_states=1000)
    assert refused > 1000
