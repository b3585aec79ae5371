"""Decoded words on disk: lines of `utterance word word ...`."""

from __future__ import annotations

from pathlib import Path

from asr_prune.errors import UserError
from asr_prune.text import fields, file_lines


def read_words_file(path: Path) -> dict[str, list[str]]:
    """{utterance: words}. Raises UserError if the file is missing."""
    if not path.is_file():
        raise UserError(f"{path} is missing; run the decode stage.")
    rows = map(fields, file_lines(path))
    return {row[0]: row[1:] for row in rows}
