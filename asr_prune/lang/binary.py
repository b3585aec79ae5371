"""OpenFst's binary formats: `vector` (read, written) and `const` (read; Kaldi stores HCLG so)."""

from __future__ import annotations

import io
import struct
from typing import BinaryIO, NamedTuple

import numpy as np

ALIGNED = 4  # flag of the header
_MAGIC = 2125659606
_EXPANDED_MUTABLE = 3  # the only property bits that hold for any arcs
_TABLE_MAGIC = 2125658996
_ALIGNMENT = 16  # bytes
_COUNT = struct.Struct("<q")  # arcs of a state, the end of its record
_WORD = 4  # bytes; states and arcs consist of such words

#: the fields of an arc; a lattice's weight is its graph cost and its acoustic cost
ARC = np.dtype([("ilabel", "<i4"), ("olabel", "<i4"), ("weight", "<f4"), ("nextstate", "<i4")])
LATTICE_ARC = np.dtype(
    [
        ("ilabel", "<i4"),
        ("olabel", "<i4"),
        ("weight", "<f4", (2,)),
        ("nextstate", "<i4"),
    ]
)
_ARC_TYPES = {"standard": ARC, "lattice4": LATTICE_ARC}


class Parts(NamedTuple):
    """The parts of an FST.

    start: state, -1 without states; finals: float32 [states] or [states, 2]; counts: arcs of each
    state, int64 [states]; arcs: [arcs], ordered by state.
    """

    start: int
    finals: np.ndarray
    counts: np.ndarray
    arcs: np.ndarray


def read_parts(file: BinaryIO) -> Parts:
    """Reads one FST from the current position of `file`, and no further.

    Raises ValueError with the reason if there is no readable FST.
    """
    if _numbers(file, "<i") != (_MAGIC,):
        raise ValueError("it is not an FST")
    kind, arc_type = _name(file), _name(file)
    version, flags, _, start, states, arcs = _numbers(file, "<iiQqqq")
    if kind not in ("vector", "const") or arc_type not in _ARC_TYPES:
        raise ValueError(f"FST type {kind} with arc type {arc_type} is not supported")
    for flag in (1, 2):
        if flags & flag:
            _pass_symbols(file)
    aligned = bool(flags & ALIGNED) or version == 1
    dtype = _ARC_TYPES[arc_type]
    if kind == "vector":
        return _checked(_vector(file, start, states, dtype))
    return _checked(_const(file, start, states, arcs, aligned))


def to_bytes(parts: Parts) -> bytes:
    """A `vector` FST without property bits that depend on the arcs."""
    arc_type = next(name for name, dtype in _ARC_TYPES.items() if dtype == parts.arcs.dtype)
    names = b"".join(struct.pack("<i", len(name)) + name for name in (b"vector", arc_type.encode()))
    sizes = struct.pack("<qqq", parts.start, len(parts.finals), len(parts.arcs))
    head = struct.pack("<i", _MAGIC) + names + struct.pack("<iiQ", 2, 0, _EXPANDED_MUTABLE) + sizes
    states = np.empty(len(parts.finals), _state(parts.arcs.dtype))
    states["final"], states["arcs"] = parts.finals, parts.counts
    body = np.empty((states.nbytes + parts.arcs.nbytes) // _WORD, "<u4")
    of_state = _state_words(parts.counts, parts.arcs.dtype)
    body[of_state], body[~of_state] = states.view("<u4"), parts.arcs.view("<u4")
    return head + body.tobytes()


def _state(arc: np.dtype) -> np.dtype:
    """The record before a state's arcs in a `vector` FST."""
    return np.dtype([("final", arc["weight"]), ("arcs", "<i8")])


def _state_words(counts: np.ndarray, arc: np.dtype) -> np.ndarray:
    """Which words of a `vector` FST's body belong to states rather than arcs; bool [words]."""
    wide, narrow = _state(arc).itemsize // _WORD, arc.itemsize // _WORD
    begins = np.cumsum(counts) * narrow - counts * narrow + wide * np.arange(len(counts))
    of_state = np.zeros(wide * len(counts) + narrow * int(counts.sum()), bool)
    for i in range(wide):
        of_state[begins + i] = True
    return of_state


def _vector(file: BinaryIO, start: int, states: int, arc: np.dtype) -> Parts:
    if isinstance(file, io.BytesIO):
        data, counts = _walk_memory(file, states, arc)
    else:
        data, counts = _walk_file(file, states, arc)
    body, arcs = np.frombuffer(data, "<u4"), np.array(counts, np.int64)
    of_state = _state_words(arcs, arc)
    return Parts(start, body[of_state].view(_state(arc))["final"].copy(), arcs, body[~of_state].view(arc))


def _walk_file(file: BinaryIO, states: int, arc: np.dtype) -> tuple[bytes, list[int]]:
    """The bytes of all states and arcs, and the number of arcs of each state."""
    size = _state(arc).itemsize
    pieces, counts = [_take(file, size if states > 0 else 0)], []
    for left in range(states - 1, -1, -1):
        counts.append(struct.unpack_from("<q", pieces[-1], len(pieces[-1]) - 8)[0])
        pieces.append(_take(file, arc.itemsize * counts[-1] + (size if left else 0)))
    return b"".join(pieces), counts


def _walk_memory(file: io.BytesIO, states: int, arc: np.dtype) -> tuple[bytes, list[int]]:
    """As `_walk_file`, without a read for each state."""
    data, begin = file.getvalue(), file.tell()
    at, size, counts = begin, _state(arc).itemsize, []
    for _ in range(states):
        if at + size > len(data):
            raise ValueError("it is truncated")
        (count,) = _COUNT.unpack_from(data, at + size - _COUNT.size)
        counts.append(count)
        at += size + arc.itemsize * count
        if count < 0:
            raise ValueError("it is truncated")
    return _take(file, at - begin), counts


def _const(file: BinaryIO, start: int, states: int, arcs: int, aligned: bool) -> Parts:
    state = np.dtype([("final", "<f4"), ("at", "<u4"), ("arcs", "<u4"), ("epsilons", "<u4", (2,))])
    if aligned:
        _take(file, -file.tell() % _ALIGNMENT)
    table = np.frombuffer(_take(file, states * state.itemsize), state)
    counts = table["arcs"].astype(np.int64)
    if not np.array_equal(table["at"], np.cumsum(counts) - counts):
        raise ValueError("its states and arcs are inconsistent")
    if aligned:
        _take(file, -file.tell() % _ALIGNMENT)
    body = np.frombuffer(_take(file, arcs * ARC.itemsize), ARC).copy()
    return Parts(start, table["final"].copy(), counts, body)


def _checked(parts: Parts) -> Parts:
    """Raises ValueError for what would end or hang OpenFst: ids outside the FST, costs that are
    not.
    """
    states, targets = len(parts.finals), parts.arcs["nextstate"]
    inside = not len(targets) or 0 <= targets.min() <= targets.max() < states
    if not inside or not -1 <= parts.start < states or parts.counts.sum() != len(parts.arcs):
        raise ValueError("its states and arcs are inconsistent")
    if min(parts.arcs[name].min(initial=0) for name in ("ilabel", "olabel")) < 0:
        raise ValueError("it has a negative label")
    if not all((costs > -np.inf).all() for costs in (parts.finals, parts.arcs["weight"])):
        raise ValueError("it has a cost that is not a number or minus infinity")
    return parts


def _take(file: BinaryIO, size: int) -> bytes:
    try:
        data = file.read(size) if size >= 0 else b""
    except (MemoryError, OverflowError):  # a size that no file has
        data = b""
    if len(data) != size:
        raise ValueError("it is truncated")
    return data


def _numbers(file: BinaryIO, form: str) -> tuple[int, ...]:
    return struct.unpack(form, _take(file, struct.calcsize(form)))


def _pass_symbols(file: BinaryIO) -> None:
    """Reads past a symbol table: its name, the next free id, and the symbols with their ids."""
    if _numbers(file, "<i") != (_TABLE_MAGIC,):
        raise ValueError("its symbol table is damaged")
    _text(file)
    _, size = _numbers(file, "<qq")
    for _ in range(size):
        _text(file)
        _take(file, 8)


def _text(file: BinaryIO) -> bytes:
    (size,) = _numbers(file, "<i")
    return _take(file, size)


def _name(file: BinaryIO) -> str:
    (size,) = _numbers(file, "<i")
    if not 0 < size < 100:
        raise ValueError("its header is damaged")
    return _take(file, size).decode("ascii", "replace")
