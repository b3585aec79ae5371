"""Kaldi's archives of matrices (ark with its scp index) through kaldi_io, the one place that imports it."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType

import numpy as np

from asr_prune.corpus.datadir import read_table
from asr_prune.errors import UserError
from asr_prune.features.compressed import COMPRESSED, read_compressed
from asr_prune.files import atomic

#: what helps where an archive of ours is missing or damaged
MEND = "run the features stage again"


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


def _place(scp: Path, key: str, place: str) -> tuple[str, int]:
    ark, _, offset = place.rpartition(":")
    if place.endswith("|") or not offset.isdigit():
        what = f"{key} is not `archive:offset` but {place[:60]}"
        raise UserError(f"{scp}: {what}; pipes are not run, copy the features to an archive.")
    return ark, int(offset)


def _open(scp: Path, ark: str, mend: str) -> io.BufferedReader:
    try:
        return open(ark, "rb")
    except OSError as error:
        what = f"{ark}, named in {scp}, cannot be read ({error.strerror})"
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
