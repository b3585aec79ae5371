"""Gzipped archives of lattices in Kaldi's format: utterance, space, lattice, and so on."""

from __future__ import annotations

import gzip
import io
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from asr_prune.decode.arrays import FstArrays
from asr_prune.decode.lattice import Lattice
from asr_prune.errors import UserError
from asr_prune.files import atomic
from asr_prune.integrity import checked

#: how each part that `writing_lattices` has written begins: gzip, no name, no time, level 1
_MEMBER = re.compile(rb"\x1f\x8b\x08\x00\x00\x00\x00\x00\x04\xff", re.DOTALL)
_BEGINNING = "its beginning"
_LEVEL = 1  # of gzip: output a quarter larger than at 6, many times faster


@contextmanager
def writing_lattices(path: Path) -> Iterator[Callable[[str, Lattice], None]]:
    """Yields a function that adds a lattice to the archive, written completely or not at all.

    Kaldi reads it as `ark:gunzip -c lat.1.gz|`. Whether they are determinised is up to
    `decode.determinize_lattice`; they have one transition-id an arc (`--write-compact=false`).
    """
    with atomic(path, "wb") as file, gzip.GzipFile("", "wb", _LEVEL, file, mtime=0) as archive:

        def write(utt: str, lattice: Lattice) -> None:
            archive.write(f"{utt} ".encode() + lattice.arrays.bytes())

        yield write


def members(path: Path) -> list[tuple[int, int]]:
    """Where each portion of an archive of `writing_lattices` begins and ends, in bytes. Raises
    UserError if it cannot be read.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise _unreadable(path, _BEGINNING, error) from error
    starts = [found.start() for found in _MEMBER.finditer(content)] or [0]
    return list(zip(starts, [*starts[1:], len(content)], strict=True))


def read_lattices(path: Path, span: tuple[int, int] | None = None) -> Iterator[tuple[str, Lattice]]:
    """Yields (utterance, lattice); span: of one of `members` alone. Raises UserError if the archive
    is missing or damaged.
    """
    after = _BEGINNING
    try:
        if not path.stat().st_size:
            raise ValueError("it is empty")
        with checked(path).open("rb") as content, gzip.open(_part(content, span), "rb") as file:
            archive = io.BufferedReader(file)
            while utt := _key(archive):
                lattice = Lattice(FstArrays.read(archive))
                yield utt, lattice
                after = f"utterance {utt}"
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise _unreadable(path, after, error) from error


def _unreadable(path: Path, after: str, error: Exception) -> UserError:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else error
    return UserError(f"cannot read lattices of {path} after {after}: {reason}; run the decode stage again.")


def _part(content: BinaryIO, span: tuple[int, int] | None) -> BinaryIO:
    if span is None:
        return content
    content.seek(span[0])
    return io.BytesIO(content.read(span[1] - span[0]))


def _key(archive: BinaryIO) -> str:
    """The utterance of the next lattice, "" at the end."""
    key = b""
    while (byte := archive.read(1)) not in (b" ", b""):
        key += byte
    if key and not byte:
        raise ValueError("it is truncated")
    return key.decode()
