"""Frame labels as Kaldi archives of integer vectors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from asr_prune.corpus.scp import project_path
from asr_prune.errors import UserError
from asr_prune.features.archive import kaldi_io
from asr_prune.features.stored import Archived
from asr_prune.files import atomic
from asr_prune.hmm.gmm import Ints
from asr_prune.integrity import checked

#: start of a binary integer vector, before its length; and one element
_HEADER = b"\0B\4"
_VALUE = np.dtype([("size", "u1"), ("value", "<i4")])


def write_labels(stem: Path, labels: Iterable[tuple[str, Ints]]) -> None:
    """Writes stem.ark and stem.scp, whose paths are as of `project_path`.

    labels: (utterance, int32 [frames]). Raises UserError as `atomic`.
    """
    ark = project_path(f"{stem}.ark")
    index = []
    with atomic(ark, "wb") as file:
        for utt, vector in labels:
            file.write(f"{utt} ".encode())
            index.append(f"{utt} {ark}:{file.tell()}\n")
            values = np.empty(len(vector), _VALUE)
            values["size"], values["value"] = 4, vector
            file.write(_HEADER + len(vector).to_bytes(4, "little") + values.tobytes())
    with atomic(Path(f"{stem}.scp")) as file:
        file.writelines(sorted(index))


class StoredLabels(Archived):
    """What `read_labels` returns, but each utterance is read on access. Thread-safe."""

    def __init__(self, path: Path) -> None:
        """path: as for `read_labels`. Raises UserError if the archive is missing or damaged."""
        self.path = checked(path.with_suffix(".ark"))
        self.places = _scan(self.path)
        self.frames = {utt: frames for utt, (_, frames) in self.places.items()}

    def __getitem__(self, utt: str) -> Ints:
        offset, frames = self.places[utt]
        with open(self.path, "rb") as file:
            file.seek(offset)
            return _vector(file.read(_VALUE.itemsize * frames))

    def __contains__(self, utt: object) -> bool:
        return utt in self.places

    def __iter__(self) -> Iterator[str]:
        return iter(self.places)

    def __len__(self) -> int:
        return len(self.places)


def _vector(data: bytes) -> Ints:
    return np.frombuffer(data, _VALUE)["value"].astype(np.int32)


def _scan(ark: Path) -> dict[str, tuple[int, int]]:
    """Byte offset of the labels of each utterance, and their number."""
    places: dict[str, tuple[int, int]] = {}
    try:
        with open(ark, "rb") as file:
            end = file.seek(0, 2)
            file.seek(0)
            while key := _read_key(file):
                header = file.read(len(_HEADER) + 4)
                frames = int.from_bytes(header[-4:], "little", signed=True)
                places[key] = file.tell(), frames
                valid = header[: len(_HEADER)] == _HEADER and frames >= 0
                if not valid or file.seek(_VALUE.itemsize * frames, 1) > end:
                    message = f"the labels {ark} are damaged at {key}"
                    raise UserError(f"{message}; run the align stage again.")
    except OSError as error:
        raise _unreadable(ark, error) from error
    return places


def _unreadable(ark: Path, error: OSError) -> UserError:
    return UserError(f"cannot read the labels {ark}: {error.strerror}; the align stage makes them.")


def _read_key(file: BinaryIO) -> str:
    """The word before the next space; empty at the end of the file."""
    key = bytearray()
    while (byte := file.read(1)) not in (b"", b" "):
        key += byte
    return key.decode("utf-8", "replace")


def read_labels(path: Path) -> dict[str, Ints]:
    """Reads an archive of `write_labels` or Kaldi as {utterance: int32 [frames]}.

    path: the .ark, or its .scp in the same folder. Raises UserError if it is missing or damaged.
    """
    ark = checked(path.with_suffix(".ark"))
    try:
        with open(ark, "rb") as file:
            archive = kaldi_io.read_vec_int_ark(file)
            return {utt: np.asarray(vector, np.int32) for utt, vector in archive}
    except OSError as error:
        raise _unreadable(ark, error) from error
    except (AssertionError, ValueError, IndexError, TypeError) as error:
        message = f"the labels {ark} are damaged ({error}); run the align stage again."
        raise UserError(message) from error
