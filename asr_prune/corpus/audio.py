"""Audio files as samples: .wav, .flac and NIST .sph through libsndfile, refusing what would spoil training silently."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import soundfile

from asr_prune.corpus.segments import TO_THE_END, Segment
from asr_prune.errors import UserError
from asr_prune.process import torch_threads

#: float samples in [-1, 1) times this lie in int16's range, where Kaldi's features expect them
INT16_SCALE = 32768.0
#: samples read at once: a minute at 16 kHz
BLOCK = 60 * 16000
#: a WAV data size of 0, or from here on, is that of a program that streamed and did not know the length
STREAMED = 0x7FFF0000


class AudioProblem(UserError):
    """Audio that cannot be used, with its kind so that like problems can be counted together."""

    def __init__(self, path: Path | str, kind: str, found: str, mend: str) -> None:
        super().__init__(f"{path}: {kind} audio ({found}); {mend}.")
        #: missing, unreadable, empty, cut-short, many-channel, wrong-rate, or what is wrong with the part asked for
        self.kind = kind
        #: what is the matter, in a few words
        self.found = found


def read_audio(
    path: Path | str,
    rate: int | None = None,
    part: Segment | None = None,
    resample: bool = False,
    longest: float = math.inf,
) -> tuple[np.ndarray, int]:
    """Reads a mono file, or `part` of it, of `rate` hertz if that is given.

    Returns samples float32 [samples] in the range of int16 (-32768 to 32767) and the rate in hertz. Of a part only its
    own samples are read. resample: convert another rate to `rate` instead of refusing it. longest: seconds that are
    read at most. Raises AudioProblem (a UserError) where the file is missing, unreadable, empty, not mono, of another
    rate, or holds fewer samples than its header says, where it or its part is longer than `longest`, and where the part
    does not lie within it.
    """
    path = Path(path)
    with _opened(path) as file:
        channels, declared, found_rate = file.channels, file.frames, file.samplerate
        whole = max(declared, _header_samples(path))
        _refuse_long(path, _seconds(file, part), longest)
        if part is None:
            samples = _read_blocks(file)
        else:
            _refuse_damage(path, channels, whole, declared)
            samples, whole = _read_part(file, path, part)
    _refuse_damage(path, channels, whole, len(samples))
    if not np.isfinite(samples).all():
        raise AudioProblem(path, "unreadable", "samples that are not numbers", "make it again")
    samples = samples[:, 0] * np.float32(INT16_SCALE)
    if rate is None or found_rate == rate:
        return samples, found_rate
    if not resample:
        mend = "set corpus.resample, or the recipe's corpus.rate"
        raise AudioProblem(path, "wrong-rate", f"{found_rate} Hz, not {rate}", mend)
    return resampled(samples, found_rate, rate), rate


def channel_blocks(path: Path | str, channel: int | None = None) -> Iterator[tuple[int, np.ndarray]]:
    """Reads a file of any length by blocks of about a minute: yields (rate in hertz, samples float32 [samples] in the
    range of int16).

    channel: which one, counted from 1; None: the file must be mono. Raises AudioProblem as `read_audio`; that a file is
    cut short shows at its end.
    """
    path, found = Path(path), 0
    with _opened(path) as file:
        _refuse_channels(path, file.channels, channel)
        declared = max(file.frames, _header_samples(path))
        for block in _blocks(file):
            if not np.isfinite(block).all():
                raise AudioProblem(path, "unreadable", "samples that are not numbers", "make it again")
            found += len(block)
            yield file.samplerate, block[:, (channel or 1) - 1] * np.float32(INT16_SCALE)
    _refuse_damage(path, 1, declared, found)


def _refuse_channels(path: Path, channels: int, channel: int | None) -> None:
    if channel is None and channels != 1:
        raise AudioProblem(path, "many-channel", f"{channels} channels", "choose one with --channel")
    if channel is not None and channel > channels:
        what = f"{channels} channel{'s' if channels > 1 else ''} and no channel {channel}"
        raise AudioProblem(path, "no-such-channel", what, f"choose one from 1 to {channels}")


def measure_audio(path: Path | str, decode: bool = True) -> tuple[int, int]:
    """Rate in hertz and number of samples of a mono file, holding no more than a minute of it in memory.

    decode: read every sample, which finds damage that headers hide. Raises AudioProblem as `read_audio`.
    """
    path = Path(path)
    with _opened(path) as file:
        channels, declared, rate = file.channels, file.frames, file.samplerate
        found = sum(len(block) for block in _blocks(file)) if decode else declared
    _refuse_damage(path, channels, max(declared, _header_samples(path)), found)
    return rate, found


def resampled(samples: np.ndarray, rate: int, wanted: int) -> np.ndarray:
    """float32 [samples] at `rate` hertz -> float32 at `wanted` hertz, by torchaudio's windowed sinc."""
    import torch
    from torchaudio.functional import resample

    with torch_threads(1):  # the order of a sum depends on the threads; the bytes must not
        converted = resample(torch.from_numpy(samples), rate, wanted)
    return np.asarray(converted.numpy(), dtype=np.float32)


@contextmanager
def _opened(path: Path) -> Iterator[soundfile.SoundFile]:
    if not path.is_file():
        raise AudioProblem(path, "missing", "no such file", "correct its path or restore it")
    if not path.stat().st_size:
        raise AudioProblem(path, "empty", "no bytes", "make it again")
    try:
        with soundfile.SoundFile(str(path)) as file:
            yield file
    except (soundfile.LibsndfileError, RuntimeError, OSError, TypeError, ValueError) as error:
        raise AudioProblem(path, "unreadable", *_why(path, error)) from None


def _why(path: Path, error: Exception) -> tuple[str, str]:
    """What is the matter, and how to mend it."""
    with open(path, "rb") as file:
        head = file.read(1024)
    if head[:7] == b"NIST_1A" and b"shorten" in head:
        return "NIST SPHERE compressed by shorten", "expand it with `sph2pipe -p`"
    reason = str(getattr(error, "error_string", error)).strip().rstrip(".")
    return reason, "make it again, or convert it to .flac or .wav"


def _seconds(file: soundfile.SoundFile, part: Segment | None) -> float:
    """Of the file, or of a part of it as far as it says so."""
    whole: float = file.frames / file.samplerate
    return whole if part is None or part.end == TO_THE_END else part.end - part.start


def _refuse_long(path: Path, seconds: float, longest: float) -> None:
    if seconds > longest:
        mend = "cut it by a file segments, or raise corpus.longest"
        raise AudioProblem(path, "too-long", f"{seconds:.1f} s in one utterance, more than {longest:g}", mend)


def _read_part(file: soundfile.SoundFile, path: Path, part: Segment) -> tuple[np.ndarray, int]:
    """float32 [samples, channels] of a part, and how many there should be."""
    seconds = file.frames / file.samplerate
    try:
        start, end = (round(time * file.samplerate) for time in part.span(seconds))
    except ValueError as error:
        found = f"segment from {part.start:g} to {part.end:g} s of {seconds:.2f} s"
        raise AudioProblem(path, str(error), found, "mend the file segments") from None
    file.seek(start)
    return file.read(end - start, dtype="float32", always_2d=True), end - start


def _blocks(file: soundfile.SoundFile) -> Iterator[np.ndarray]:
    """float32 [samples, channels]; by blocks, since a damaged header may promise more samples than there is memory."""
    while len(block := file.read(BLOCK, dtype="float32", always_2d=True)):
        yield block


def _read_blocks(file: soundfile.SoundFile) -> np.ndarray:
    """float32 [samples, channels]"""
    return np.concatenate([np.zeros((0, file.channels), np.float32), *_blocks(file)])


def _refuse_damage(path: Path, channels: int, declared: int, found: int) -> None:
    if channels != 1:
        raise AudioProblem(path, "many-channel", f"{channels} channels", "write each channel to its own file")
    if declared > found:
        raise AudioProblem(path, "cut-short", f"{found} of the {declared} samples in its header", "copy it again")
    if found == 0:
        raise AudioProblem(path, "empty", "no samples", "make it again")


def _header_samples(path: Path) -> int:
    """Samples per channel that the header of a WAV or NIST SPHERE file declares; 0 where it does not say.

    libsndfile trusts the file's size over its header, so a cut-short file would pass unnoticed.
    """
    with open(path, "rb") as file:
        head = file.read(1024)
        if head[:4] == b"RIFF":
            return _wav_samples(path)
    return _sphere_samples(head) if head[:7] == b"NIST_1A" else 0


def _wav_samples(path: Path) -> int:
    block = 0
    with open(path, "rb") as file:
        file.seek(12)
        while len(chunk := file.read(8)) == 8:
            name, size = struct.unpack("<4sI", chunk)
            if name == b"data":
                return 0 if size >= STREAMED or not block else size // block
            body = file.read(size + size % 2)
            if name == b"fmt " and len(body) >= 14:
                block = struct.unpack_from("<H", body, 12)[0]
    return 0


def _sphere_samples(head: bytes) -> int:
    for line in head.split(b"\n"):
        if line.startswith(b"sample_count -i "):
            count = line.split()[-1]
            return int(count) if count.isdigit() else 0
    return 0
