"""Audio files as samples: .wav, .flac and NIST .sph through libsndfile, refusing what would spoil training silently."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import soundfile

from asr_prune.errors import UserError

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
        #: missing, unreadable, empty, cut-short, many-channel or wrong-rate
        self.kind = kind
        #: what is the matter, in a few words
        self.found = found


def read_audio(path: Path | str, rate: int | None = None) -> tuple[np.ndarray, int]:
    """Reads a mono file, of `rate` hertz if that is given.

    Returns samples float32 [samples] in the range of int16 (-32768 to 32767) and the rate in hertz. Raises AudioProblem
    (a UserError) where the file is missing, unreadable, empty, not mono, of another rate, or holds fewer samples than
    its header says.
    """
    path = Path(path)
    if not path.is_file():
        raise AudioProblem(path, "missing", "no such file", "mend wav.scp or restore the file")
    if not path.stat().st_size:
        raise AudioProblem(path, "empty", "no bytes", "make it again")
    try:
        with soundfile.SoundFile(str(path)) as file:
            channels, declared, found_rate = file.channels, file.frames, file.samplerate
            samples = _read_blocks(file)
    except (soundfile.LibsndfileError, RuntimeError, OSError, TypeError, ValueError) as error:
        reason = str(getattr(error, "error_string", error)).strip().rstrip(".")
        raise AudioProblem(path, "unreadable", reason, "make it again") from None
    _refuse_damage(path, channels, max(declared, _header_samples(path)), len(samples))
    if not np.isfinite(samples).all():
        raise AudioProblem(path, "unreadable", "samples that are not numbers", "make it again")
    if rate is not None and found_rate != rate:
        raise AudioProblem(path, "wrong-rate", f"{found_rate} Hz, not {rate}", "resample it or set the recipe's rate")
    return samples[:, 0] * np.float32(INT16_SCALE), found_rate


def _read_blocks(file: soundfile.SoundFile) -> np.ndarray:
    """float32 [samples, channels]; by blocks, since a damaged header may promise more samples than there is memory."""
    blocks = [file.read(BLOCK, dtype="float32", always_2d=True)]
    while len(blocks[-1]):
        blocks.append(file.read(BLOCK, dtype="float32", always_2d=True))
    return np.concatenate(blocks)


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
