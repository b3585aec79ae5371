"""Opening .wav, .flac and NIST .sph files by libsndfile, and refusing damaged ones."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import soundfile

from asr_prune.errors import UserError

#: hertz, of the rates that audio may have
SLOWEST, FASTEST = 4000, 384000
_BLOCK = 60 * 16000  # samples of all channels that are read at once: a minute at 16 kHz
_LOUDEST = 2.0**32  # times full scale; squares of more are infinite in float32
_STREAMED = 0x7FFF0000  # streaming programs write WAV data sizes of 0, or from here on


class AudioProblem(UserError):
    """Audio that cannot be used."""

    def __init__(self, path: Path | str, kind: str, detail: str, remedy: str) -> None:
        super().__init__(f"{path}: {kind} audio ({detail}); {remedy}.")
        #: missing, unreadable, empty, cut-short, many-channel, wrong-rate, impossible-rate,
        #: too-long, or a kind of bad segment
        self.kind = kind
        #: what is wrong, in a few words
        self.detail = detail


@contextmanager
def open_audio(path: Path) -> Iterator[soundfile.SoundFile]:
    """The file, open.

    Raises AudioProblem if it is missing, empty or unreadable, also while it is read, or if its
    header states a rate that no recording has.
    """
    if not path.is_file():
        raise AudioProblem(path, "missing", "no such file", "correct its path or restore it")
    if not path.stat().st_size:
        raise AudioProblem(path, "empty", "no bytes", "write it again")
    try:
        with soundfile.SoundFile(str(path)) as file:
            _refuse_rate(path, file.samplerate)
            yield file
    except (
        soundfile.LibsndfileError,
        RuntimeError,
        OSError,
        TypeError,
        ValueError,
        MemoryError,
    ) as error:
        raise AudioProblem(path, "unreadable", *_diagnosis(path, error)) from None


def _diagnosis(path: Path, error: Exception) -> tuple[str, str]:
    """What is wrong, and the remedy."""
    with open(path, "rb") as file:
        head = file.read(1024)
    if head[:7] == b"NIST_1A" and b"shorten" in head:
        return "NIST SPHERE compressed by shorten", "expand it with `sph2pipe -p`"
    reason = str(getattr(error, "error_string", error)).strip().rstrip(".")
    return reason, "write it again, or convert it to .flac or .wav"


def _refuse_rate(path: Path, rate: int) -> None:
    if not SLOWEST <= rate <= FASTEST:
        detail = f"{rate} Hz in its header, not {SLOWEST} to {FASTEST}"
        raise AudioProblem(path, "impossible-rate", detail, "write it again with its true rate")


def sample_blocks(file: soundfile.SoundFile, count: int | None = None) -> Iterator[np.ndarray]:
    """Yields the next `count` samples, or the rest of the file, as float32 [samples, channels].

    About a minute at a time: a damaged header may declare more samples than fit into memory.
    """
    size, left = max(1, _BLOCK // file.channels), math.inf if count is None else count
    while left and len(block := file.read(int(min(size, left)), dtype="float32", always_2d=True)):
        left -= len(block)
        yield block


def refuse_channels(path: Path, channels: int) -> None:
    """Raises AudioProblem if the file is not mono."""
    if channels != 1:
        remedy = "write each channel to its own file"
        raise AudioProblem(path, "many-channel", f"{channels} channels", remedy)


def refuse_damage(path: Path, declared: int, count: int) -> None:
    """Raises AudioProblem if the file has less than `declared` samples, or none."""
    if declared > count:
        detail = f"{count} of the {declared} samples in its header"
        raise AudioProblem(path, "cut-short", detail, "copy it again")
    if count == 0:
        raise AudioProblem(path, "empty", "no samples", "write it again")


def refuse_no_sound(path: Path, samples: np.ndarray) -> None:
    """Raises AudioProblem if a sample is infinite, not a number, or too large to be sound."""
    if not np.isfinite(samples).all():
        detail = "samples that are not finite numbers"
        raise AudioProblem(path, "unreadable", detail, "write it again")
    if np.abs(samples).max(initial=0.0) > _LOUDEST:
        detail = f"samples beyond {_LOUDEST:.0e} times full scale"
        raise AudioProblem(path, "unreadable", detail, "write it again")


def declared_samples(path: Path, file: soundfile.SoundFile) -> int:
    """Samples per channel that the header declares, of which a file cut short has fewer.

    libsndfile itself trusts the size of a WAV or NIST SPHERE file over its header.
    """
    with open(path, "rb") as raw:
        head = raw.read(1024)
    if head[:4] == b"RIFF":
        return max(int(file.frames), _wav_samples(path))
    return max(int(file.frames), _sphere_samples(head) if head[:7] == b"NIST_1A" else 0)


def _wav_samples(path: Path) -> int:
    block = 0
    with open(path, "rb") as file:
        file.seek(12)
        while len(chunk := file.read(8)) == 8:
            name, size = struct.unpack("<4sI", chunk)
            if name == b"data":
                return 0 if size >= _STREAMED or not block else size // block
            begin = file.tell()
            body = file.read(min(size, 14))
            if name == b"fmt " and len(body) == 14:
                block = struct.unpack_from("<H", body, 12)[0]
            file.seek(begin + size + size % 2)
    return 0


def _sphere_samples(head: bytes) -> int:
    for line in head.split(b"\n"):
        if line.startswith(b"sample_count -i "):
            count = line.split()[-1]
            return int(count) if count.isdigit() else 0
    return 0
