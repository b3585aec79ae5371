"""Symbol tables in OpenFst's text form: one `symbol id` per line."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from asr_prune.errors import UserError
from asr_prune.files import Readable
from asr_prune.layout import made_by
from asr_prune.text import fields, file_lines

EPSILON = "<eps>"


def number_symbols(symbols: Iterable[str]) -> dict[str, int]:
    """`<eps>` is 0, the symbols are 1, 2, ... in their order."""
    return {symbol: i for i, symbol in enumerate([EPSILON, *symbols])}


def write_symbols(table: dict[str, int], path: Path) -> None:
    """Writes a table such as Kaldi's words.txt and phones.txt."""
    path.write_text("".join(f"{symbol} {i}\n" for symbol, i in table.items()), encoding="utf-8")


def read_symbols(path: Readable) -> dict[str, int]:
    """Reads a table of `write_symbols`.

    Raises UserError if the file is missing or a line is not `symbol id`, and as `decoded`.
    """
    try:
        lines = file_lines(path)
    except OSError as error:
        message = f"cannot read the symbol table {path}: {error.strerror}"
        raise UserError(f"{message}; {made_by(path, 'lang')}.") from error
    table = {}
    for number, line in enumerate(lines, 1):
        pair = fields(line)
        if len(pair) != 2 or not (pair[1].isascii() and pair[1].isdigit()):
            message = f"{path}:{number}: expected `symbol id`, found {line!r}"
            raise UserError(f"{message}; run the lang stage again.")
        table[pair[0]] = int(pair[1])
    return table


def spoken_words(lang: Path) -> set[str]:
    """The words of a lang folder's words.txt, without those reserved for the FSTs."""
    return set(read_symbols(lang / "words.txt")) - {EPSILON, "#0", "<s>", "</s>"}
