"""The frames of MPEG audio (MP3), whose files need not say how long they are."""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

_MPEG1, _MPEG2, _MPEG25 = 3, 2, 0  # as in the header
_HERTZ = {_MPEG1: (44100, 48000, 32000), _MPEG2: (22050, 24000, 16000), _MPEG25: (11025, 12000, 8000)}
#: kilobits per second by (MPEG-1, layer)
_LOW = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_KILOBITS = {
    (True, 1): tuple(range(32, 449, 32)),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): _LOW,
    (False, 3): _LOW,
}
#: in the first frame, instead of sound: a tag with, if its last bit is set, the number of frames
_TAG = re.compile(rb"VBRI|(?:Xing|Info)...(.)", re.DOTALL)
_TAG_BEFORE = 4 + 2 + 32 + 8  # bytes of the frame: header, checksum, side information, tag


@dataclass(frozen=True)
class Mp3Frames:
    """samples: per channel, in all frames with sound; told: whether a tag says how many frames."""

    samples: int
    told: bool


def read_mp3_frames(path: Path) -> Mp3Frames:
    """Counts the frames by their headers (ISO 11172-3, 2.4.1.3); other bytes between are skipped.

    A last frame that is not whole counts, too. Segments of one file let it be read once.
    """
    known = path.stat()
    return _read(path, known.st_size, known.st_mtime_ns)


@lru_cache(maxsize=8)
def _read(path: Path, size: int, mtime_ns: int) -> Mp3Frames:
    """size, mtime_ns: of the file, so that one that is written anew is read anew."""
    with open(path, "rb") as raw, mmap.mmap(raw.fileno(), 0, access=mmap.ACCESS_READ) as data:
        frames = _frames(data)
        at, samples = next(frames, (0, 0))
        tag = _TAG.search(data[at : at + _TAG_BEFORE])
        rest = sum(size for _, size in frames)
        told = bool(tag and (tag[1] is None or tag[1][0] & 1))
        return Mp3Frames(rest if tag else samples + rest, told)


def _frames(data: mmap.mmap) -> Iterator[tuple[int, int]]:
    """Where each frame begins, and its samples."""
    at, before = _after_id3(data), None
    while (at := data.find(b"\xff", at)) >= 0:
        header = _header(data[at : at + 4])
        follows = header and _header(data[at + header.size : at + header.size + 4])
        known = header and before and header.like(before)
        # elsewhere than after a frame, four bytes may look like a header
        if header and (known or (before is None and follows and header.like(follows))):
            yield at, header.samples
            at, before = at + header.size, header
        else:
            at += 1


def _after_id3(data: mmap.mmap) -> int:
    """Pictures in an ID3v2 tag may look like frames."""
    if data[:3] != b"ID3" or len(data) < 10:
        return 0
    size = sum((byte & 127) << shift for byte, shift in zip(data[6:10], (21, 14, 7, 0), strict=True))
    return 10 + size


@dataclass(frozen=True)
class _Header:
    version: int
    layer: int
    hertz: int
    size: int

    def like(self, other: _Header) -> bool:
        return (self.version, self.layer, self.hertz) == (other.version, other.layer, other.hertz)

    @property
    def samples(self) -> int:
        return 384 if self.layer == 1 else 1152 if self.layer == 2 or self.version == _MPEG1 else 576


def _header(head: bytes) -> _Header | None:
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    version, layer = head[1] >> 3 & 3, 4 - (head[1] >> 1 & 3)
    rate, quality, padding = head[2] >> 2 & 3, head[2] >> 4, head[2] >> 1 & 1
    if version not in _HERTZ or layer == 4 or rate == 3 or not 1 <= quality <= 14:
        return None
    hertz, bits = _HERTZ[version][rate], 1000 * _KILOBITS[version == _MPEG1, layer][quality - 1]
    if layer == 1:
        return _Header(version, layer, hertz, (12 * bits // hertz + padding) * 4)
    half = layer == 3 and version != _MPEG1
    return _Header(version, layer, hertz, (72 if half else 144) * bits // hertz + padding)
