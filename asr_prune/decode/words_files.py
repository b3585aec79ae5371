"""Decoded words on disk: lines of `utterance word word ...`."""

from __future__ import annotations

from pathlib import Path

from asr_prune.errors import UserError


def read_words_file(path: Path) -> dict[str, list[str]]:
    """{utterance: words}. Raises UserError if the file is missing."""
    if not path.is_file():
        raise UserError(f"{path} is missing; run the decode stage.")
    lines = path.read_text(encoding="utf-8").splitlines()
    return {line.split()[0]: line.split()[1:] for line in lines}
