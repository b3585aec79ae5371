"""Audio files as samples: .wav, .flac and NIST .sph through libsndfile, refusing what would spoil training silently."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from asr_prune.errors import UserError

#: float samples in [-1, 1) times this lie in int16's range, where Kaldi's features expect them
INT16_SCALE = 32768.0
#: WAV data sizes that programs write when they stream and do not know the length
UNKNOWN_SIZES = frozenset({0, 0x7FFFF000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFFFFFF - 36, 0x7FFFFFFF - 36})


def read_audio(path: Path | str) -> tuple[np.ndarray, int]:
    """Reads a mono file.

    Returns samples float32 [samples] in the range of int16 (-32768 to 32767) and the rate in hertz. Raises UserError where the
    file is missing, unreadable, empty, not mono, or holds fewer samples than its header says.
    """
    import soundfile

    path = Path(path)
    if not path.is_file():
        raise UserError(f"{path}: there is no such audio file.")
    try:
        with soundfile.SoundFile(str(path)) as file:
            channels, declared, rate = file.channels, file.frames, file.samplerate
            samples = file.read(dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, RuntimeError, OSError) as error:
        reason = str(getattr(error, "error_string", error)).strip().rstrip(".")
        raise UserError(f"{path}: unreadable audio ({reason}); make it again, or run `asr-prune fix`.") from None
    _refuse_damage(path, channels, max(declared, _header_samples(path)), len(samples))
    return samples[:, 0] * np.float32(INT16_SCALE), rate


def _refuse_damage(path: Path, channels: int, declared: int, found: int) -> None:
    if channels != 1:
        raise UserError(f"{path}: {channels} channels where one is expected; write each channel to its own file.")
    if declared > found:
        raise UserError(
            f"{path}: cut short: the header says {declared} samples and the file holds {found}; copy it again."
        )
    if found == 0:
        raise UserError(f"{path}: empty audio (no samples).")


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
                return 0 if size in UNKNOWN_SIZES or not block else size // block
            body = file.read(size + size % 2)
            if name == b"fmt " and len(body) >= 14:
                block = struct.unpack_from("<H", body, 12)[0]
    return 0


def _sphere_samples(head: bytes) -> int:
    for line in head.split(b"\n"):
        if line.startswith(b"sample_count -i "):
            return int(line.split()[2])
    return 0
