"""Decoded words on disk: lines of `utterance word word ...`."""

from __future__ import annotations

from pathlib import Path

from asr_prune.decode.options import DecodeOptions, Point, grid
from asr_prune.errors import UserError
from asr_prune.files import atomic
from asr_prune.run_dir import words_file
from asr_prune.text import fields, file_lines

#: words by point, then utterance
Words = dict[Point, dict[str, list[str]]]


def read_words_file(path: Path) -> dict[str, list[str]]:
    """{utterance: words}. Raises UserError if the file is missing."""
    if not path.is_file():
        raise UserError(f"{path} is missing; run the decode stage.")
    rows = map(fields, file_lines(path))
    return {row[0]: row[1:] for row in rows}


def write_words(out: Path, words: Words) -> None:
    """One file of `utterance word word ...` lines for each LM weight and penalty."""
    for point, by_utterance in words.items():
        with atomic(words_file(out, *point)) as file:
            for utt in sorted(by_utterance):
                file.write(f"{utt} {' '.join(by_utterance[utt])}\n")


def read_words(folder: Path, options: DecodeOptions) -> Words:
    """Reads `write_words`. Raises UserError if a file is missing."""
    words: Words = {}
    for point in grid(options):
        words[point] = read_words_file(words_file(folder, *point))
    return words
