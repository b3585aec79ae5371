"""Features of a large set in several archives: shards, of which the scp is the index."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, TypeVar

import numpy as np

from asr_prune.corpus.scp import project_path
from asr_prune.features.archive import ArchiveWriter
from asr_prune.files import atomic
from asr_prune.integrity import forget

#: bytes from which a set goes on in another archive: 17 hours of 40 columns
SHARD = 1_000_000_000

_Item = TypeVar("_Item")
#: an archive, and the utterances in it with the offsets of their matrices
ArchivePart = tuple[Path, list[tuple[str, int]]]


def write_shards(stem: Path, matrices: Iterable[tuple[str, np.ndarray]]) -> list[Path]:
    """Writes matrices, in this order, to `stem`.ark, and from SHARD bytes on to `stem`.2.ark and so
    on, and the places of all to `stem`.scp. Up to SHARD bytes, what `write_matrices` writes.

    Returns the archives after the first. Raises UserError as `atomic`.
    """

    def add(file: IO[bytes], item: tuple[str, np.ndarray]) -> list[tuple[str, int]]:
        return [(item[0], ArchiveWriter(file).add(*item))]

    return _write(stem, matrices, add)


def join_shards(stem: Path, pieces: Iterable[ArchivePart]) -> list[Path]:
    """As `write_shards`, of archives that are appended whole."""

    def add(file: IO[bytes], piece: ArchivePart) -> list[tuple[str, int]]:
        before, (archive, places) = file.tell(), piece
        with archive.open("rb") as one:
            shutil.copyfileobj(one, file, 1 << 20)
        return [(key, before + offset) for key, offset in places]

    return _write(stem, pieces, add)


def _write(stem: Path, items: Iterable[_Item], add: Callable[[IO[bytes], _Item], list[tuple[str, int]]]) -> list[Path]:
    index: list[str] = []
    shards: list[Path] = []
    rest = iter(items)
    item = next(rest, None)
    while item is not None or not shards:
        shards.append(project_path(_shard(stem, len(shards) + 1)))
        with atomic(shards[-1], "wb") as file:
            while item is not None and file.tell() < SHARD:
                index += [f"{key} {shards[-1]}:{offset}\n" for key, offset in add(file, item)]
                item = next(rest, None)
    with atomic(Path(f"{stem}.scp")) as lines:
        lines.writelines(index)
    _drop_after(stem, len(shards))
    return shards[1:]


def _shard(stem: Path, number: int) -> Path:
    return Path(f"{stem}.ark" if number == 1 else f"{stem}.{number}.ark")


def _drop_after(stem: Path, number: int) -> None:
    """Deletes the shards that an earlier, larger set had."""
    while (stale := _shard(stem, number := number + 1)).is_file():
        forget([stale])
        stale.unlink()
