"""Audio of a row: a file in place, or bytes that are written to a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from asr_prune.files import atomic

#: first bytes of audio files, and their suffixes
MAGIC = {b"RIFF": ".wav", b"fLaC": ".flac", b"OggS": ".ogg", b"ID3": ".mp3", b"\xff\xfb": ".mp3", b"NIST": ".sph"}


class Unusable(Exception):
    """A row that is left out.

    why: as in `3 rows WHY`; example: what is wrong in this row, if `why` does not say it.
    """

    def __init__(self, why: str, example: str = "") -> None:
        super().__init__(why, example)
        self.why, self.example = why, example


def place_audio(cell: object, folders: Sequence[Path], out: Path) -> Path:
    """The audio file of a row.

    cell: a path, absolute or relative to one of `folders`; the bytes of a file; or a mapping with
    `path` and `bytes`. Bytes are written to `out` with a suffix. Raises Unusable.
    """
    given = cell if isinstance(cell, dict) else {"bytes" if isinstance(cell, bytes) else "path": cell}
    content, path = given.get("bytes"), given.get("path")
    if isinstance(content, bytes) and content:
        return _written(content, path, out)
    if path and isinstance(path, str):
        return _existing(path, [folder.absolute() / path for folder in folders])
    if path or "array" in given:
        raise Unusable("whose audio is neither a path nor the bytes of a file")
    raise Unusable("without audio")


def _existing(path: str, places: Sequence[Path]) -> Path:
    if not path.isprintable():
        raise Unusable("whose audio path has control characters", repr(path[:60]))
    try:
        found = [place for place in places if place.is_file()]
    except OSError as error:
        raise Unusable("whose audio path cannot be used", f"{path[:60]}: {error.strerror}") from None
    if not found:
        raise Unusable("whose audio file does not exist", str(places[0]))
    return found[0]


def _written(content: bytes, path: object, out: Path) -> Path:
    suffix = Path(path).suffix if isinstance(path, str) else ""
    suffix = suffix or next((end for mark, end in MAGIC.items() if content.startswith(mark)), ".audio")
    place = out.with_name(f"{out.name}{suffix}")
    with atomic(place, "wb") as file:
        file.write(content)
    return place
