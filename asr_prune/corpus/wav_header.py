"""Headers of WAV files, whose writers often do not know how long the audio will be."""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from typing import BinaryIO

#: streaming programs write data sizes of 0, or from here on (SoX 0x7FFFF000, ffmpeg 0xFFFFFFFF)
_STREAMED = 0x7FFF0000
_LONGEST = 40  # bytes of a chunk before the samples that are looked at
_ORDERS = {b"RIFF": "<", b"RIFX": ">", b"RF64": "<"}


@dataclass(frozen=True)
class WavHeader:
    """begin: of the samples, in bytes from the header's start; size: of the samples in bytes as it
    says, None if it does not; block: bytes of the samples of all channels at one time.
    """

    begin: int
    size: int | None
    block: int

    @property
    def samples(self) -> int:
        """Per channel, as the header says; 0 if it does not."""
        return (self.size or 0) // self.block if self.block else 0


def read_wav_header(file: BinaryIO) -> WavHeader | None:
    """The header of a RIFF, RIFX or RF64 file at the file's position; None if there is none.

    The size of the samples is None if it is one that streaming programs write: 0x7FFF0000 or more,
    or 0 in a file that is longer than its RIFF chunk. As Kaldi's wave-reader.cc, but that takes the
    chunks after an empty one for samples.
    """
    start = file.tell()
    head = file.read(12)
    if len(head) < 12 or head[:4] not in _ORDERS or head[8:] != b"WAVE":
        return None
    order, long_size, block = _ORDERS[head[:4]], None, 0
    while len(chunk := file.read(8)) == 8:
        size = struct.unpack(f"{order}I", chunk[4:])[0]
        if chunk[:4] == b"data":
            begin = file.tell() - start
            return WavHeader(begin, _declared(file, start, head, order, size, long_size), block)
        body = file.read(min(size, _LONGEST))
        file.seek(size + size % 2 - len(body), os.SEEK_CUR)
        if chunk[:4] == b"fmt " and len(body) >= 14:
            block = struct.unpack_from(f"{order}H", body, 12)[0]
        if chunk[:4] == b"ds64" and len(body) >= 16:
            long_size = struct.unpack_from("<Q", body, 8)[0]
    return None


def _declared(file: BinaryIO, start: int, head: bytes, order: str, size: int, long_size: int | None) -> int | None:
    """The size of the samples, None if it is not known; the file stands before them."""
    if size == 0xFFFFFFFF and long_size and long_size < 1 << 63:
        return long_size
    if size >= _STREAMED:
        return None
    riff, begin = struct.unpack(f"{order}I", head[4:8])[0], file.tell()
    total = file.seek(0, os.SEEK_END)
    goes_on = begin < total and (riff >= _STREAMED or 8 + riff < total)
    return None if size == 0 and start == 0 and goes_on else size
