"""Tables of symbols and integers in OpenFst's text form: one `symbol id` per line."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from asr_prune.errors import UserError

EPSILON = "<eps>"


def number_symbols(symbols: Iterable[str]) -> dict[str, int]:
    """Gives `<eps>` 0 and the symbols 1, 2, ... in their order."""
    return {symbol: i for i, symbol in enumerate([EPSILON, *symbols])}


def write_symbols(table: dict[str, int], path: Path) -> None:
    """Writes a table as words.txt and phones.txt are in Kaldi."""
    path.write_text("".join(f"{symbol} {i}\n" for symbol, i in table.items()), encoding="utf-8")


def read_symbols(path: Path) -> dict[str, int]:
    """Reads what `write_symbols` writes. Raises UserError where the file is missing or not UTF-8, or a line is not
    `symbol id`.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise UserError(f"cannot read the symbol table {path}: {error.strerror}; the lang stage makes it.") from error
    except UnicodeDecodeError as error:
        raise UserError(f"the symbol table {path} is not UTF-8 text (byte {error.start}); make it again.") from error
    table = {}
    for number_, line in enumerate(lines, 1):
        symbol, _, i = line.rpartition(" ")
        if not symbol or not i.isdigit():
            raise UserError(f"{path}:{number_}: expected `symbol id`, found {line!r}; run the lang stage again.")
        table[symbol] = int(i)
    return table


def spoken_words(lang: Path) -> set[str]:
    """The words of a lang folder's words.txt, without what the FSTs reserve."""
    return set(read_symbols(lang / "words.txt")) - {EPSILON, "#0", "<s>", "</s>"}
