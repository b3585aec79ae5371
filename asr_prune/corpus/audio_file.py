"""Opening .wav, .flac and NIST .sph files, and WAV within archives, by libsndfile; refusing damaged
ones.
"""

from __future__ import annotations

import io
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
import soundfile

from asr_prune.corpus.mp3_frames import read_mp3_frames
from asr_prune.corpus.scp import archive_entry
from asr_prune.corpus.wav_header import WavHeader, read_wav_header
from asr_prune.errors import UserError

if TYPE_CHECKING:
    from typing_extensions import Buffer

#: hertz, of the rates that audio may have
SLOWEST, FASTEST = 4000, 384000
_BLOCK = 60 * 16000  # samples of all channels that are read at once: a minute at 16 kHz
_LOUDEST = 2.0**32  # times full scale; squares of more are infinite in float32
_UNKNOWN = 1 << 62  # frames from here on: libsndfile's answer for a FLAC file that does not say
_MP3_EDGES = 2 * 4095  # samples at most that an MP3's tag takes off its beginning and its end
_TO_THE_END = b"\xff\xff\xff\xff"  # as size of a WAV's data: libsndfile then reads the whole file


class AudioProblem(UserError):
    """Audio that cannot be used."""

    def __init__(self, path: Path | str, kind: str, detail: str, remedy: str) -> None:
        super().__init__(f"{path}: {kind} audio ({detail}); {remedy}.")
        #: missing, unreadable, empty, cut-short, many-channel, no-such-channel, wrong-rate,
        #: impossible-rate, too-long, or a kind of bad segment
        self.kind = kind
        #: what is wrong, in a few words
        self.detail = detail


@contextmanager
def open_audio(path: Path) -> Iterator[soundfile.SoundFile]:
    """The file, open; or a WAV in an archive of Kaldi's wav-copy, `archive:offset`.

    A WAV whose header does not say how long it is, since its writer could not go back, is read to
    the end of the file. Raises AudioProblem if it is missing, empty or unreadable, also while it is
    read, or if its header states a rate that no recording has, or no length in another format.
    """
    place, offset = archive_entry(str(path))
    if not os.path.isfile(place):
        raise AudioProblem(path, "missing", "no such file", "correct its path or restore it")
    if os.path.getsize(place) <= (offset or 0):
        detail = "no bytes" if offset is None else "the archive ends before this offset"
        raise AudioProblem(path, "empty", detail, "write it again")
    try:
        with open(place, "rb") as raw, soundfile.SoundFile(_source(path, raw, offset)) as file:
            _refuse_rate(path, file.samplerate)
            if file.frames >= _UNKNOWN:
                remedy = "write it again, for instance with `flac -d` and `flac`"
                raise AudioProblem(path, "unreadable", "its header does not say how long it is", remedy)
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


def _source(path: Path, raw: BinaryIO, offset: int | None) -> str | _Part:
    """What libsndfile opens: the file itself, unless only a part of it, or another header, will do."""
    raw.seek(offset or 0)
    header = read_wav_header(raw)
    if offset is None:
        return str(path) if header is None or header.size is not None else _to_the_end(raw, header)
    if header is None or header.size is None:
        raise ValueError("no WAV of a known length at this offset of the archive")
    return _Part(raw, offset, header.begin + header.size)


def _to_the_end(raw: BinaryIO, header: WavHeader) -> _Part:
    """Without the sizes of an RF64 header, and with one for the samples with which libsndfile reads
    the whole file.
    """
    raw.seek(0)
    sizes = {header.begin - len(_TO_THE_END): _TO_THE_END}
    return _Part(raw, 0, None, {0: b"RIFF", **sizes} if raw.read(4) == b"RF64" else sizes)


class _Part(io.RawIOBase):
    """`size` bytes of a file from `start` (None: to its end).

    instead: what is read at some places instead of what is there.
    """

    def __init__(self, file: BinaryIO, start: int, size: int | None, instead: Mapping[int, bytes] = {}) -> None:
        self.file, self.start, self.instead = file, start, instead
        rest = file.seek(0, os.SEEK_END) - start
        self.size = rest if size is None else min(size, rest)
        self.at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self.at = max(0, offset + {os.SEEK_SET: 0, os.SEEK_CUR: self.at, os.SEEK_END: self.size}[whence])
        return self.at

    def readinto(self, buffer: Buffer) -> int:
        view = memoryview(buffer).cast("B")
        self.file.seek(self.start + self.at)
        data = bytearray(self.file.read(max(0, min(len(view), self.size - self.at))))
        for place, new in self.instead.items():
            for at, byte in enumerate(new, place - self.at):
                if 0 <= at < len(data):
                    data[at] = byte
        view[: len(data)] = data
        self.at += len(data)
        return len(data)


def _diagnosis(path: Path, error: Exception) -> tuple[str, str]:
    """What is wrong, and the remedy."""
    head = _head(path)
    if head[:7] == b"NIST_1A" and b"shorten" in head:
        return "NIST SPHERE compressed by shorten", "expand it with `sph2pipe -p`"
    reason = str(getattr(error, "error_string", error)).strip().rstrip(".")
    return reason, "write it again, or convert it to .flac or .wav"


def channel_count(path: str) -> int:
    """Number of channels of a file. Raises AudioProblem as `open_audio`."""
    with open_audio(Path(path)) as file:
        return int(file.channels)


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

    libsndfile itself trusts the size of a WAV or NIST SPHERE file over its header, and guesses the
    length of an MP3 whose header has none; those of all its frames count then. Raises AudioProblem
    if libsndfile would stop before the end of an MP3.
    """
    if file.format == "MP3":
        return _mp3_samples(path, int(file.frames))
    header = wav_header(path)
    head = b"" if header else _head(path)
    told = header.samples if header else _sphere_samples(head) if head[:7] == b"NIST_1A" else 0
    return max(int(file.frames), told)


def _mp3_samples(path: Path, readable: int) -> int:
    found = read_mp3_frames(path)
    if found.samples > readable + (_MP3_EDGES if found.told else 0):
        detail = "an MP3 longer than its header says" if found.told else "an MP3 without a length in its header"
        raise AudioProblem(path, "unreadable", detail, "convert it to .flac or .wav")
    return readable if found.told else found.samples


def wav_header(path: Path | str) -> WavHeader | None:
    """The header of a WAV, whose size is None if it is read to the end of the file; None for other
    formats.
    """
    place, offset = archive_entry(str(path))
    with open(place, "rb") as raw:
        raw.seek(offset or 0)
        return read_wav_header(raw)


def _head(path: Path) -> bytes:
    place, offset = archive_entry(str(path))
    with open(place, "rb") as raw:
        raw.seek(offset or 0)
        return raw.read(1024)


def _sphere_samples(head: bytes) -> int:
    for line in head.split(b"\n"):
        if line.startswith(b"sample_count -i "):
            count = line.split()[-1]
            return int(count) if count.isdigit() else 0
    return 0
