"""Kaldi archives of integer vectors, binary or text, optionally gzipped (ali.*.gz, pdf-ids)."""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from asr_prune.errors import UserError
from asr_prune.files import atomic
from asr_prune.hmm.gmm import Ints
from asr_prune.integrity import checked

#: an element of a vector: size in bytes, value (BasicVectorHolder)
_ELEMENT = np.dtype([("size", "i1"), ("value", "<i4")])
#: before the elements: the mark of binary data, and their number as an _ELEMENT
_HEAD = struct.Struct("<2sbi")
_GZIP = b"\x1f\x8b"


def write_int_vectors(path: Path, vectors: Iterable[tuple[str, Ints]]) -> None:
    """Writes (key, int32 [n]) pairs as a gzipped binary archive, reproducible byte for byte.

    Raises UserError as `atomic`.
    """
    with atomic(path, "wb") as file, gzip.GzipFile("", "wb", fileobj=file, mtime=0) as packed:
        for key, values in vectors:
            packed.write(f"{key} ".encode() + _HEAD.pack(b"\0B", 4, len(values)))
            elements = np.full(len(values), 4, _ELEMENT)
            elements["value"] = values
            packed.write(elements.tobytes())


def read_int_vectors(path: Path) -> dict[str, Ints]:
    """Reads an archive of `write_int_vectors` or Kaldi: {key: int32 [n]}.

    Text has lines of `key 1 2 3`. Raises UserError if the file is missing or damaged, or a key is
    repeated.
    """
    data = _content(path)
    key_end = data.find(b" ")
    pairs = _binary if data[key_end + 1 : key_end + 3] == b"\0B" else _text
    vectors: dict[str, Ints] = {}
    for key, values in pairs(data, path):
        if key in vectors:
            raise UserError(f"{path}: {key} occurs twice; write the archive again.")
        vectors[key] = values
    return vectors


def _content(path: Path) -> bytes:
    try:
        data = checked(path).read_bytes()
        return gzip.decompress(data) if data.startswith(_GZIP) else data
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UserError(f"{path} is truncated or damaged ({error}); copy it again.") from None
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}; give an existing file.") from None


def _binary(data: bytes, path: Path) -> Iterator[tuple[str, Ints]]:
    at = 0
    while at < len(data):
        start = data.find(b" ", at) + 1
        whole = start > 0 and start + _HEAD.size <= len(data)
        mark, size, count = _HEAD.unpack_from(data, start) if whole else (b"", 0, 0)
        end = start + _HEAD.size + _ELEMENT.itemsize * count
        if (mark, size) != (b"\0B", 4) or count < 0 or end > len(data):
            raise _damaged(path, at)
        elements = np.frombuffer(data, _ELEMENT, count, start + _HEAD.size)
        if (elements["size"] != 4).any():
            raise _damaged(path, at)
        yield data[at : start - 1].decode("utf-8", "replace"), elements["value"].astype(np.int32)
        at = end


def _damaged(path: Path, at: int) -> UserError:
    return UserError(
        f"{path}: no Kaldi vector of integers at byte {at}: the file is damaged or of another kind;"
        " copy it or write it again."
    )


def _text(data: bytes, path: Path) -> Iterator[tuple[str, Ints]]:
    for number, line in enumerate(data.splitlines(), 1):
        try:
            key, *values = line.split()
            yield key.decode(), np.array([int(value) for value in values], np.int32)
        except (ValueError, OverflowError):
            shown = line[:40].decode("utf-8", "replace")
            raise UserError(
                f"{path}:{number}: expected an utterance and integers, not {shown!r}; correct the line."
            ) from None
