"""Symbol tables in OpenFst's text form: one `symbol id` per line."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from asr_prune.errors import UserError
from asr_prune.files import Readable
from asr_prune.integrity import checked

EPSILON = "<eps>"


def number_symbols(symbols: Iterable[str]) -> dict[str, int]:
    """`<eps>` is 0, the symbols are 1, 2, ... in their order."""
    return {symbol: i for i, symbol in enumerate([EPSILON, *symbols])}


def write_symbols(table: dict[str, int], path: Path) -> None:
    """Writes a table such as Kaldi's words.txt and phones.txt."""
    path.write_text("".join(f"{symbol} {i}\n" for symbol, i in table.items()), encoding="utf-8")


def read_symbols(path: Readable) -> dict[str, int]:
    """Reads a table of `write_symbols`.

    Raises UserError if the file is missing or not UTF-8, or a line is not `symbol id`.
    """
    try:
        lines = checked(path).read_text(encoding="utf-8").splitlines()
    except OSError as error:
        message = f"cannot read the symbol table {path}: {error.strerror}"
        raise UserError(f"{message}; the lang stage makes it.") from error
    except UnicodeDecodeError as error:
        message = f"the symbol table {path} is not UTF-8 text (byte {error.start})"
        raise UserError(f"{message}; make it again.") from error
    table = {}
    for number, line in enumerate(lines, 1):
        symbol, _, i = line.rpartition(" ")
        if not symbol or not i.isdigit():
            message = f"{path}:{number}: expected `symbol id`, found {line!r}"
            raise UserError(f"{message}; run the lang stage again.")
        table[symbol] = int(i)
    return table


def spoken_words(lang: Path) -> set[str]:
    """The words of a lang folder's words.txt, without those reserved for the FSTs."""
    return set(read_symbols(lang / "words.txt")) - {EPSILON, "#0", "<s>", "</s>"}
