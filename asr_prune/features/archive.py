"""Kaldi's archives of matrices (ark with its scp index) through kaldi_io, the one place that imports it."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import ModuleType

import numpy as np

from asr_prune.corpus.datadir import read_table
from asr_prune.errors import UserError
from asr_prune.features.compressed import COMPRESSED, read_compressed
from asr_prune.files import atomic

#: what helps where an archive of ours is missing or damaged
MEND = "run the features stage again"
#: how a binary matrix begins, before the size of an integer (a byte) and the number of its rows
PLAIN = (b"\0BFM ", b"\0BDM ")


def _import_quietly() -> ModuleType:
    """kaldi_io without its warning about KALDI_ROOT and without what it does to the environment."""
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


def write_matrices(stem: Path, matrices: Iterable[tuple[str, np.ndarray]]) -> None:
    """Writes `stem`.ark and `stem`.scp; absolute paths with byte offsets in the scp let one matrix be read alone.

    matrices: (key, float32 or float64 [rows, columns]), written in this order. Raises UserError as `atomic`.
    """
    ark = Path(f"{stem}.ark").absolute()
    index: list[str] = []
    with atomic(ark, "wb") as file:
        for key, matrix in matrices:
            file.write(key.encode() + b" ")
            index.append(f"{key} {ark}:{file.tell()}\n")
            kaldi_io.write_mat(file, np.ascontiguousarray(matrix))
    with atomic(Path(f"{stem}.scp")) as file:
        file.writelines(index)


def read_matrices(scp: Path, keys: Iterable[str] | None = None, mend: str = MEND) -> Iterator[tuple[str, np.ndarray]]:
    """Yields (key, matrix [rows, columns] in the stored dtype) for each line of `scp`, or for `keys` in their order.

    mend: what helps where something is wrong. Compressed matrices give float32. Raises UserError where the scp or an
    archive is missing or cut short, a key is absent, or an entry is a pipe.
    """
    places = read_table(scp)
    with contextlib.ExitStack() as stack:
        files: dict[str, io.BufferedReader] = {}
        for key in places if keys is None else keys:
            if key not in places:
                raise UserError(f"{scp}: no matrix for {key}; {mend}.")
            ark, offset = _place(scp, key, places[key])
            if ark not in files:
                files[ark] = stack.enter_context(_open(scp, ark, mend))
            yield key, _read_at(files[ark], offset, key, mend)


def places_of(scp: Path) -> dict[str, tuple[str, int]]:
    """Archive and byte offset of each matrix that `scp` names. Raises UserError where it is missing or names a pipe."""
    return {key: _place(scp, key, place) for key, place in read_table(scp).items()}


def read_place(ark: str, offset: int, key: str, mend: str = MEND) -> np.ndarray:
    """One matrix, as `read_matrices` gives it. Raises UserError where the archive is missing or damaged."""
    with _open(key, ark, mend) as file:
        return _read_at(file, offset, key, mend)


def rows_of_places(places: Mapping[str, tuple[str, int]], mend: str = MEND) -> dict[str, int]:
    """Rows of each matrix, from its header where it is binary. Raises UserError as `read_place`."""
    rows: dict[str, int] = {}
    with contextlib.ExitStack() as stack:
        files: dict[str, io.BufferedReader] = {}
        for key, (ark, offset) in places.items():
            if ark not in files:
                files[ark] = stack.enter_context(_open(key, ark, mend))
            rows[key] = _rows_at(files[ark], offset, key, mend)
    return rows


def _rows_at(file: io.BufferedReader, offset: int, key: str, mend: str) -> int:
    file.seek(offset)
    head = file.read(len(PLAIN[0]) + 5)
    if head.startswith(PLAIN) and len(head) == len(PLAIN[0]) + 5:
        return int.from_bytes(head[-4:], "little")
    return len(_read_at(file, offset, key, mend))


def _place(scp: Path, key: str, place: str) -> tuple[str, int]:
    ark, _, offset = place.rpartition(":")
    if place.endswith("|") or not offset.isdigit():
        what = f"{key} is not `archive:offset` but {place[:60]}"
        raise UserError(f"{scp}: {what}; pipes are not run, copy the features to an archive.")
    return ark, int(offset)


def _open(named: Path | str, ark: str, mend: str) -> io.BufferedReader:
    """named: the scp or the utterance whose archive it is."""
    try:
        return open(ark, "rb")
    except OSError as error:
        where = f"in {named}" if isinstance(named, Path) else f"for {named}"
        what = f"{ark}, named {where}, cannot be read ({error.strerror})"
        raise UserError(f"{what}; {mend}.") from None


def _read_at(file: io.BufferedReader, offset: int, key: str, mend: str) -> np.ndarray:
    file.seek(offset)
    compressed = file.read(len(COMPRESSED)) == COMPRESSED
    file.seek(offset)
    try:
        if compressed:
            return read_compressed(file)
        return np.asarray(kaldi_io.read_mat(file))
    except (AssertionError, ValueError, IndexError, kaldi_io.UnknownMatrixHeader) as error:
        what = f"the matrix of {key} is damaged ({error})"
        raise UserError(f"{file.name}: {what}; {mend}.") from None
