"""Labels per frame as Kaldi archives of integer vectors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from asr_prune.errors import UserError
from asr_prune.features.archive import kaldi_io
from asr_prune.features.stored import Archived
from asr_prune.files import atomic
from asr_prune.hmm.gmm import Ints

#: what a binary vector of integers begins with, before their number; and one of them
_HEADER = b"\0B\4"
_VALUE = np.dtype([("size", "u1"), ("value", "<i4")])


def write_labels(stem: Path, labels: Iterable[tuple[str, Ints]]) -> None:
    """Writes stem.ark and stem.scp from (utterance, int32 [frames]) pairs. Raises UserError as `atomic`."""
    ark = Path(f"{stem}.ark").absolute()
    index = []
    with atomic(ark, "wb") as file:
        for utt, vector in labels:
            file.write(f"{utt} ".encode())
            index.append(f"{utt} {ark}:{file.tell()}\n")
            kaldi_io.write_vec_int(file, vector)
    with atomic(Path(f"{stem}.scp")) as file:
        file.writelines(sorted(index))


class StoredLabels(Archived):
    """What `read_labels` gives, each utterance read when it is asked for. May be asked by several threads."""

    def __init__(self, path: Path) -> None:
        """path: as that of `read_labels`. Raises UserError where it is missing or damaged."""
        self.path = path.with_suffix(".ark")
        self.places = _scanned(self.path)
        self.frames = {utt: frames for utt, (_, frames) in self.places.items()}

    def __getitem__(self, utt: str) -> Ints:
        offset, frames = self.places[utt]
        with open(self.path, "rb") as file:
            file.seek(offset)
            return _vector(file.read(_VALUE.itemsize * frames))

    def __iter__(self) -> Iterator[str]:
        return iter(self.places)

    def __len__(self) -> int:
        return len(self.places)


def _vector(data: bytes) -> Ints:
    return np.frombuffer(data, _VALUE)["value"].astype(np.int32)


def _scanned(ark: Path) -> dict[str, tuple[int, int]]:
    """Where the values of each utterance begin, and how many there are."""
    places: dict[str, tuple[int, int]] = {}
    try:
        with open(ark, "rb") as file:
            end = file.seek(0, 2)
            file.seek(0)
            while key := _key(file):
                head = file.read(len(_HEADER) + 4)
                frames = int.from_bytes(head[-4:], "little", signed=True)
                places[key] = file.tell(), frames
                if head[: len(_HEADER)] != _HEADER or frames < 0 or file.seek(_VALUE.itemsize * frames, 1) > end:
                    raise UserError(f"the labels {ark} are damaged at {key}; run the align stage again.")
    except OSError as error:
        raise UserError(f"cannot read the labels {ark}: {error.strerror}; the align stage makes them.") from error
    return places


def _key(file: BinaryIO) -> str:
    """The word before the next space; none at the end of the file."""
    found = bytearray()
    while (byte := file.read(1)) not in (b"", b" "):
        found += byte
    return found.decode("utf-8", "replace")


def read_labels(path: Path) -> dict[str, Ints]:
    """Reads an archive of `write_labels` or of Kaldi: {utterance: int32 [frames]}.

    path: the .ark, or the .scp beside it. Raises UserError where it is missing or damaged.
    """
    ark = path.with_suffix(".ark")
    try:
        with open(ark, "rb") as file:
            return {utt: np.asarray(vector, np.int32) for utt, vector in kaldi_io.read_vec_int_ark(file)}
    except OSError as error:
        raise UserError(f"cannot read the labels {ark}: {error.strerror}; the align stage makes them.") from error
    except (AssertionError, ValueError, IndexError, TypeError) as error:
        raise UserError(f"the labels {ark} are damaged ({error}); run the align stage again.") from error
