"""Kaldi's archives of matrices (ark and scp) through kaldi_io, which only this module imports."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, partial
from pathlib import Path
from types import ModuleType
from typing import IO

import numpy as np

from asr_prune.corpus.datadir import read_table
from asr_prune.corpus.scp import archive_path, project_path
from asr_prune.errors import UserError
from asr_prune.features.compressed import COMPRESSED, read_compressed
from asr_prune.features.mapped import read_mapped
from asr_prune.features.places import Place
from asr_prune.files import atomic
from asr_prune.integrity import checked

#: what to do if an archive of the features stage is missing or damaged
REMEDY = "run the features stage again"
#: first bytes of a binary matrix; the size of an integer (a byte) and the number of rows follow
_PLAIN = (b"\0BFM ", b"\0BDM ")


def _import_quietly() -> ModuleType:
    """Imports kaldi_io without its warning about KALDI_ROOT and its changes of the environment."""
    before = dict(os.environ)
    try:
        os.environ["KALDI_ROOT"] = "/"
        with contextlib.redirect_stderr(io.StringIO()):
            import kaldi_io
    finally:
        os.environ.clear()
        os.environ.update(before)
    return kaldi_io


kaldi_io = _import_quietly()


def write_matrices(stem: Path, matrices: Iterable[tuple[str, np.ndarray]], place: Path | None = None) -> None:
    """Writes `stem`.ark and `stem`.scp, which has the archive's path and the offset of each matrix.

    matrices: (key, float32 or float64 [rows, columns]), written in this order. place: what the scp
    calls `stem`, for a folder that is written under another name; else as `project_path`. Raises
    UserError as `atomic`.
    """
    ark = project_path(f"{stem}.ark") if place is None else Path(f"{place}.ark")
    with atomic(Path(f"{stem}.ark"), "wb") as file:
        writer = ArchiveWriter(file)
        index = [f"{key} {ark}:{writer.add(key, matrix)}\n" for key, matrix in matrices]
    with atomic(Path(f"{stem}.scp")) as file:
        file.writelines(index)


class ArchiveWriter:
    """Writes matrices to a binary file, one after the other."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file

    def add(self, key: str, matrix: np.ndarray) -> int:
        """Writes a matrix, float32 or float64 [rows, columns]; returns its offset in bytes."""
        self.file.write(key.encode() + b" ")
        offset = self.file.tell()
        kaldi_io.write_mat(self.file, np.ascontiguousarray(matrix))
        return offset


def read_matrices(
    scp: Path, keys: Iterable[str] | None = None, remedy: str = REMEDY
) -> Iterator[tuple[str, np.ndarray]]:
    """Yields (key, matrix [rows, columns]) for `keys`, or for all lines of `scp`, in order.

    Archives are found as by `archive_path`. Matrices keep the stored dtype; compressed ones become
    float32. Of entries with a range, only that is returned. remedy: what to do about a problem, for
    messages. Raises UserError if the scp or an archive is missing or cut short, a key is absent, an
    entry is a pipe, or a range is not within its matrix.
    """
    places, located = read_table(scp), cache(partial(archive_path, scp))
    with contextlib.ExitStack() as stack:
        files: dict[str, io.BufferedReader] = {}
        for key in places if keys is None else keys:
            if key not in places:
                raise UserError(f"{scp}: no matrix for {key}; {remedy}.")
            place = Place.parse(scp, key, places[key])
            ark = located(place.archive)
            if ark not in files:
                files[ark] = stack.enter_context(_open(scp, ark, remedy))
            yield key, _read_at(files[ark], place, key, remedy)


def places_of(scp: Path) -> dict[str, Place]:
    """Where each matrix of `scp` is, with the archive as `archive_path` finds it.

    Raises UserError if it is missing or has a pipe.
    """
    located = cache(partial(archive_path, scp))
    places = {key: Place.parse(scp, key, entry) for key, entry in read_table(scp).items()}
    return {key: place._replace(archive=located(place.archive)) for key, place in places.items()}


def read_place(place: Place, key: str, remedy: str = REMEDY) -> np.ndarray:
    """One matrix, as `read_matrices` yields it.

    Raises UserError if the archive is missing or damaged.
    """
    if (matrix := _from_map(place)) is not None:
        return matrix
    with _open(key, place.archive, remedy) as file:
        return _read_at(file, place, key, remedy)


def _from_map(place: Place) -> np.ndarray | None:
    """A whole binary matrix; None if it is of another kind or in part, or the archive has a fault,
    which `_read_at` names.
    """
    if place.rows is not None or place.columns is not None:
        return None
    try:
        return read_mapped(checked(Path(place.archive)).as_posix(), place.offset)
    except OSError:
        return None


def rows_of_places(places: Mapping[str, Place], remedy: str = REMEDY) -> dict[str, int]:
    """Number of rows of each matrix, from its header if it is binary.

    Raises UserError as `read_place`.
    """
    rows: dict[str, int] = {}
    with contextlib.ExitStack() as stack:
        files: dict[str, io.BufferedReader] = {}
        for key, place in places.items():
            if place.archive not in files:
                files[place.archive] = stack.enter_context(_open(key, place.archive, remedy))
            rows[key] = _rows_at(files[place.archive], place, key, remedy)
    return rows


def _rows_at(file: io.BufferedReader, place: Place, key: str, remedy: str) -> int:
    _seek(file, place.offset, key, remedy)
    head = file.read(len(_PLAIN[0]) + 5)
    if head.startswith(_PLAIN) and len(head) == len(_PLAIN[0]) + 5:
        try:
            return place.length(int.from_bytes(head[-4:], "little"))
        except ValueError as error:
            raise _outside(file, key, error) from None
    return len(_read_at(file, place, key, remedy))


def _open(named: Path | str, ark: str, remedy: str) -> io.BufferedReader:
    """named: the scp that names the archive, or the utterance that it is read for."""
    try:
        return open(checked(Path(ark)), "rb")
    except OSError as error:
        where = f"in {named}" if isinstance(named, Path) else f"for {named}"
        what = f"{ark}, named {where}, cannot be read ({error.strerror})"
        raise UserError(f"{what}; {remedy}.") from None


def _read_at(file: io.BufferedReader, place: Place, key: str, remedy: str) -> np.ndarray:
    matrix = _matrix_at(file, place.offset, key, remedy)
    if place.rows is place.columns is None:
        return matrix
    try:
        return place.part(matrix)
    except ValueError as error:
        raise _outside(file, key, error) from None


def _outside(file: io.BufferedReader, key: str, error: ValueError) -> UserError:
    return UserError(f"{file.name}: the range of {key} is not within its matrix ({error}); correct the range.")


def _seek(file: io.BufferedReader, offset: int, key: str, remedy: str) -> None:
    if offset >= os.fstat(file.fileno()).st_size:
        raise UserError(f"{file.name} ends before byte {offset}, where the matrix of {key} should be; {remedy}.")
    file.seek(offset)


def _matrix_at(file: io.BufferedReader, offset: int, key: str, remedy: str) -> np.ndarray:
    _seek(file, offset, key, remedy)
    compressed = file.read(len(COMPRESSED)) == COMPRESSED
    file.seek(offset)
    try:
        if compressed:
            return read_compressed(file)
        return np.asarray(kaldi_io.read_mat(file))
    except (AssertionError, ValueError, IndexError, kaldi_io.UnknownMatrixHeader) as error:
        what = f"the matrix of {key} is damaged ({error})"
        raise UserError(f"{file.name}: {what}; {remedy}.") from None
