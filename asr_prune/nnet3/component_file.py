"""Reads and writes the fields of components in Kaldi's binary and text form."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from typing import Any

import numpy as np

from asr_prune.errors import UserError
from asr_prune.kaldi_format import KaldiReader, KaldiWriter
from asr_prune.nnet3.components import LAYOUTS, Component, Field


class Nnet3Reader(KaldiReader):
    """Reads the parts of an nnet3 file."""

    def unknown(self, what: str) -> UserError:
        """The error for a file that is whole, but cannot be used."""
        return UserError(f"{self.path}: {what}.")


def read_component(reader: Nnet3Reader, name: str) -> Component:
    """Reads a component after its name; one of an unknown type is kept as it is in the file.

    Raises UserError if it is damaged, or of an unknown type and without an end.
    """
    token = reader.token()
    kind = token.removeprefix("<").removesuffix(">")
    if kind not in LAYOUTS:
        if not kind.isidentifier():
            raise reader.fail(f"expected the type of the component {name!r}, found {token[:40]!r}")
        return Component(kind, unread=_unread(reader, name, kind))
    found = Component(kind)
    waiting = list(LAYOUTS[kind])
    while (token := reader.token()) != f"</{kind}>":
        if token == f"<{kind}>":  # written twice by some versions, and at the end by those of 2015
            if found.fields:
                break
            continue
        while waiting and f"<{waiting[0].name}>" != token:
            _check_optional(reader, name, kind, waiting.pop(0), token)
        if not waiting:
            raise reader.fail(f"the component {name!r} ({kind}) has the unknown field {token[:40]!r}")
        taken = waiting.pop(0)
        found.fields[taken.name] = _READ[taken.type](reader)
    for left in waiting:
        _check_optional(reader, name, kind, left, token)
    _check_sizes(reader, name, found)
    return found


def _unread(reader: Nnet3Reader, name: str, kind: str) -> bytes:
    """The bytes up to the last token of a component. Numbers may look like that token, but not like
    what follows a component, too: the next one, or the end of the network.
    """
    last = rb"(</%b>)\s+(?:<ComponentName>|</Nnet3>)(?:\s|\Z)" % re.escape(kind).encode()
    end = re.compile(last).search(reader.data, reader.at)
    if end is None:
        what = f"is of the type {kind}, which is not supported, and has no end </{kind}>"
        raise reader.unknown(f"the component {name!r} {what}")
    start, reader.at = reader.at, end.end(1) + 1
    return reader.data[start : end.start()]


def write_component(writer: KaldiWriter, component: Component) -> None:
    """Writes a component after its name."""
    writer.token(f"<{component.kind}>")
    writer.data += component.unread or b""
    types = {part.name: part.type for part in LAYOUTS.get(component.kind, ())}
    for name, value in component.fields.items():
        writer.token(f"<{name}>")
        _WRITE[types[name]](writer, value)
    writer.token(f"</{component.kind}>", line=True)


def _check_optional(reader: KaldiReader, name: str, kind: str, part: Field, token: str) -> None:
    if not part.optional:
        what = f"the component {name!r} ({kind}) has no <{part.name}>"
        raise reader.fail(f"{what}, but {token[:40]!r}")


def _check_sizes(reader: KaldiReader, name: str, found: Component) -> None:
    arrays = {key: value for key, value in found.fields.items() if isinstance(value, np.ndarray)}
    for key, value in arrays.items():
        if not np.isfinite(value).all():
            raise reader.fail(f"the component {name!r} ({found.kind}) has a <{key}> that is not finite")
    weight, bias = found.weight, found.bias
    if weight is not None and (not weight.size or (bias is not None and len(bias) != len(weight))):
        raise reader.fail(f"the component {name!r} ({found.kind}) has weights and biases of different sizes")
    offsets = found.fields.get("TimeOffsets", [0])
    if weight is not None and (not offsets or weight.shape[1] % len(offsets)):
        raise reader.fail(f"the component {name!r} has {weight.shape[1]} columns for {len(offsets)} offsets")
    size = found.fields.get("BlockDim", found.fields.get("Dim"))
    of_size = ("ValueAvg", "DerivAvg", "StatsMean", "StatsVar", "Scales", "Offsets")
    for key in of_size:
        if size and key in arrays and not _fits(len(arrays[key]), key, size, found.fields.get("Dim", size)):
            raise reader.fail(f"the component {name!r} has {len(arrays[key])} <{key}> for a dimension of {size}")


def _fits(count: int, key: str, size: int, dim: int) -> bool:
    """Offsets and scales of a block are those of all blocks (nnet-simple-component.cc)."""
    return count in (0, size, dim) or (key in ("Scales", "Offsets") and dim % count == 0)


def _real(reader: KaldiReader) -> np.floating:
    """A number in the precision of the file; text in double precision."""
    wide = not reader.binary or reader.data[reader.at : reader.at + 1] == b"\x08"
    value = reader.real()
    return np.float64(value) if wide else np.float32(value)


def _single(reader: KaldiReader) -> np.floating:
    value = _real(reader)
    return value if reader.binary else np.float32(value)


def _boolean(reader: KaldiReader) -> bool:
    word = chr(reader.take(1)[0]) if reader.binary else reader.token()
    if word not in ("T", "F"):
        raise reader.fail(f"expected T or F, found {word[:40]!r}")
    return word == "T"


def _vector(reader: KaldiReader) -> np.ndarray:
    if not reader.binary or reader.peek() != "DV":
        return reader.vector()
    reader.token()
    return np.frombuffer(reader.take(8 * reader.integer()), "<f8")


def _write_real(writer: KaldiWriter, value: np.floating) -> None:
    if isinstance(value, np.float64) and writer.binary:
        writer.data += b"\x08" + struct.pack("<d", value)
    elif isinstance(value, np.float64):
        writer.data += f"{float(value)!r} ".encode()
    else:
        writer.real(float(value))


def _write_boolean(writer: KaldiWriter, value: bool) -> None:
    writer.data += (b"T" if value else b"F") + (b"" if writer.binary else b" ")


def _write_vector(writer: KaldiWriter, values: np.ndarray) -> None:
    if values.dtype == np.float64 and writer.binary:
        writer.token("DV")
        writer.integer(len(values))
        writer.data += values.astype("<f8").tobytes()
    else:
        writer.vector(values)


def _two(kind: Callable[..., Any]) -> Callable[..., Any]:
    return lambda reader: (kind(reader), kind(reader))


def _write_two(kind: Callable[..., None]) -> Callable[..., None]:
    def both(writer: KaldiWriter, values: tuple[Any, Any]) -> None:
        for value in values:
            kind(writer, value)

    return both


_READ: dict[str, Callable[[KaldiReader], Any]] = {
    "int": KaldiReader.integer,
    "real": _single,
    "double": _real,
    "bool": _boolean,
    "flag": lambda reader: None,
    "ints": KaldiReader.ints,
    "vector": _vector,
    "matrix": KaldiReader.matrix,
    "two_ints": _two(KaldiReader.integer),
    "two_reals": _two(_single),
}
_WRITE: dict[str, Callable[[KaldiWriter, Any], None]] = {
    "int": KaldiWriter.integer,
    "real": _write_real,
    "double": _write_real,
    "bool": _write_boolean,
    "flag": lambda writer, value: None,
    "ints": KaldiWriter.ints,
    "vector": _write_vector,
    "matrix": KaldiWriter.matrix,
    "two_ints": _write_two(KaldiWriter.integer),
    "two_reals": _write_two(_write_real),
}
