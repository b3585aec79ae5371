"""Jobs for the runner's tests."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from asr_prune.errors import UserError


def copy(source: Path, out: Path, extra: Path | None = None, word: str = "") -> list[Path]:
    """Writes the text of `source` and `word` to `out`; with `extra` another file too."""
    out.write_text(source.read_text() + word)
    if extra is None:
        return []
    extra.write_text("more")
    return [extra]


def note(out: Path, done: Path) -> None:
    """Writes whether `done`, which it makes, was there; fails if the text of `out` asks for it."""
    there = done.exists()
    done.mkdir(exist_ok=True)
    if out.is_file() and out.read_text() == "fail":
        out.write_text("half")
        raise UserError("it failed")
    out.write_text(str(there))


def refuse(source: Path, out: Path) -> None:
    """Finds its input wanting."""
    raise UserError(f"{source} cannot be read")


def nothing(out: Path) -> None:
    """Writes nothing."""


def places(folder: Path) -> Iterable[Path]:
    """What a listing looks at."""
    return [folder]
