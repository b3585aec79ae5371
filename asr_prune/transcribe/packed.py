"""Reading of a packed model, a zip file: versions, sizes and digests are checked before any use."""

from __future__ import annotations

import hashlib
import json
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from asr_prune.errors import UserError

#: version of the file
PACKED_FORMAT = 1
#: the part that describes the model and lists the other parts with their sizes and digests
CARD = "model.json"
NETWORK = "network.safetensors"
GRAPH_PARTS = ("graph/HCLG.fst", "graph/words.txt", "graph/pdfs.txt")
TOKEN_PARTS = ("lang/tokens.txt", "lang/tokens.model", "lang/tokens.lexicon")
LANG_PARTS = (
    *("lang/phones.txt", "lang/words.txt", "lang/L.fst", "lang/oov.int", "lang/topo"),
    *("lang/phones/silence.int", "lang/phones/optional_silence.int"),
    *("lang/phones/disambig.int", "lang/phones/sets.int"),
)
HMM_PARTS = ("hmm/final.mdl", "hmm/tree")
FRONT_PARTS = ("hmm/cmvn_opts", "hmm/delta_opts", "hmm/splice_opts", "hmm/final.mat")
ADAPTED_PARTS = ("hmm/final.alimdl",)
#: every part that a file may have besides the card
_HMM_KINDS = (*LANG_PARTS, *HMM_PARTS, *FRONT_PARTS, *ADAPTED_PARTS)
PARTS = frozenset({NETWORK, *GRAPH_PARTS, *TOKEN_PARTS, *_HMM_KINDS})
#: the zip's comment is this and the SHA-256 of all bytes before that digest
SEAL = b"asr_prune sha256 "
SEAL_HEX = 64  # characters of a digest
#: a part may unpack to this many times its packed size, and _SMALL bytes
_RATIO = 100
_SMALL = 1 << 16
_LARGEST_CARD = 1 << 24
_BLOCK = 1 << 20
_PLAIN = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
#: what zipfile and json raise for wrong content
_WRONG = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    EOFError,
    RuntimeError,
    OverflowError,
    MemoryError,
)


@dataclass(frozen=True)
class PackedFile:
    """A packed model whose bytes have been checked.

    card: the content of model.json; digests: SHA-256 by part, hexadecimal.
    """

    path: Path
    card: dict[str, Any]
    sizes: dict[str, int]
    digests: dict[str, str]

    @classmethod
    def open(cls, path: Path) -> PackedFile:
        """Raises UserError if the file is missing, damaged, or of a newer version."""
        if not path.is_file():
            raise UserError(f"{path} is missing; name a file that asr-prune pack has written.")
        with reading(path), zipfile.ZipFile(path) as archive:
            _check_kinds(archive.infolist())
            card = _card(archive)
            _check_version(path, card["format"])
            parts = card["parts"].items()
            sizes = {str(name): int(size) for name, (size, _) in parts}
            packed = cls(path, card, sizes, {str(name): str(sha) for name, (_, sha) in parts})
            _check_entries(packed, archive.infolist())
            for name, sha in packed.digests.items():
                if _digest(archive, name, packed.sizes[name]) != sha:
                    raise damaged_part(path, name)
        _check_seal(path)
        return packed

    def read(self, name: str) -> bytes:
        """The bytes of a part, checked once more. Raises UserError if it has changed since."""
        with reading(self.path), zipfile.ZipFile(self.path) as archive, archive.open(name) as file:
            data = file.read(self.sizes[name])
        if hashlib.sha256(data).hexdigest() != self.digests[name]:
            raise damaged_part(self.path, name)
        return data

    @property
    def root(self) -> PackedPath:
        return PackedPath(self, "")


@dataclass(frozen=True)
class PackedPath:
    """A folder or part of a packed model, read like a `Path`."""

    file: PackedFile
    name: str

    def __truediv__(self, name: str, /) -> PackedPath:
        return PackedPath(self.file, f"{self.name}/{name}".removeprefix("/"))

    def __str__(self) -> str:
        return f"{self.file.path}/{self.name}"

    def is_file(self) -> bool:
        return self.name in self.file.sizes

    def read_bytes(self) -> bytes:
        """Raises FileNotFoundError for a missing part, and UserError as `PackedFile.read`."""
        if not self.is_file():
            raise FileNotFoundError(2, "no such part", str(self))
        return self.file.read(self.name)

    def read_text(self, encoding: str | None = None) -> str:
        return self.read_bytes().decode(encoding or "utf-8")


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Raises UserError for what the block raises on a file with wrong content."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or "it is truncated"
        message = f"cannot read {path}: {reason}; check the file or copy it again."
        raise UserError(message) from error
    except _WRONG as error:
        message = f"{path} is damaged or no file of asr-prune pack"
        raise UserError(f"{message}; copy it or pack the model again.") from error


def damaged_part(path: Path, name: str) -> UserError:
    """The error for a part whose bytes are not those of its digest."""
    return UserError(f"{path}: the part {name} is damaged; copy the file or pack the model again.")


def _check_kinds(entries: list[zipfile.ZipInfo]) -> None:
    """Raises ValueError for parts that are encrypted, or compressed as packed models never are."""
    if any(entry.compress_type not in _PLAIN or entry.flag_bits & 1 for entry in entries):
        raise ValueError


def _card(archive: zipfile.ZipFile) -> dict[str, Any]:
    info = archive.getinfo(CARD)
    if info.file_size > _LARGEST_CARD:
        raise ValueError
    with archive.open(info) as file:
        card: dict[str, Any] = json.loads(file.read(_LARGEST_CARD))
    return card


def _check_version(path: Path, version: object) -> None:
    if isinstance(version, int) and version > PACKED_FORMAT:
        message = f"{path} has format {version} and this asr_prune reads formats up to"
        raise UserError(f"{message} {PACKED_FORMAT}; update asr_prune.")
    if version is not PACKED_FORMAT:
        raise ValueError


def _check_entries(packed: PackedFile, entries: list[zipfile.ZipInfo]) -> None:
    """Raises UserError for parts that are unknown, missing, doubled or not of the stated size."""
    if unknown := sorted({entry.filename for entry in entries} - PARTS - {CARD}):
        raise UserError(
            f"{packed.path} has a part {unknown[0][:60]!r}, which packed models do not have;"
            " get the file from where it was packed."
        )
    if sorted(entry.filename for entry in entries) != sorted([CARD, *packed.sizes]):
        raise ValueError
    for entry in entries:
        stated = packed.sizes.get(entry.filename, entry.file_size)
        if entry.file_size != stated or stated > _RATIO * entry.compress_size + _SMALL:
            raise UserError(
                f"{packed.path}: the part {entry.filename} would unpack to {entry.file_size} bytes,"
                " which is not a size that it can have; copy the file or pack the model again."
            )


def is_packed(path: Path) -> bool:
    """Whether a file says that `pack` has written it, be it damaged or of another version."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.comment.startswith(SEAL)
    except (OSError, *_WRONG):
        return False


def _digest(archive: zipfile.ZipFile, name: str, size: int) -> str:
    """SHA-256 of a part, of which no more than `size` bytes are unpacked."""
    total = hashlib.sha256()
    try:
        with archive.open(name) as file:
            for begin in range(0, size, _BLOCK):
                total.update(file.read(min(_BLOCK, size - begin)))
    except _WRONG:
        return ""
    return total.hexdigest()


def _check_seal(path: Path) -> None:
    """Raises UserError if any byte of the file has changed."""
    with reading(path), open(path, "rb") as file:
        if seal_of(file) != file.read(SEAL_HEX):
            raise ValueError


def seal_of(file: IO[bytes]) -> bytes:
    """SHA-256, hexadecimal, of all bytes but the last SEAL_HEX, where it leaves `file`."""
    total, rest = hashlib.sha256(), file.seek(0, 2) - SEAL_HEX
    file.seek(0)
    while rest > 0:
        block = file.read(min(_BLOCK, rest))
        total.update(block)
        rest -= len(block)
    return total.hexdigest().encode()
