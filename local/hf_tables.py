"""Tables of transcripts: csv, tsv and JSON lines, in which every cell is the text that is written."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from asr_prune.errors import UserError
from asr_prune.text import decoded, trimmed

#: suffixes of tables
SEPARATED, OBJECTS, PARQUET = (".csv", ".tsv"), (".jsonl", ".json"), ".parquet"
#: column of file names in an audiofolder's table
FILE_NAME = "file_name"
#: column -> text, None if it is missing, or what a column of audio has
Row = dict[str, Any]
#: objects of a JSON table that are looked at for the names of its columns
_FIRST = 1000


def ending(path: Path) -> str:
    """The suffix in lower case: tables come as .CSV, too."""
    return path.suffix.lower()


def read_rows(path: Path) -> Iterator[tuple[str, Row]]:
    """Yields (place, cells) of each row of a table; place is FILE:LINE.

    Cells of csv and tsv are text; a row with too many or too few has none. JSON null is None, and
    numbers stay as written. Commas separate csv, with quotes as in RFC 4180; tabs separate tsv,
    without quotes. Raises UserError if the file cannot be read or is not of its kind.
    """
    yield from (_separated if ending(path) in SEPARATED else _objects)(path)


def columns(path: Path) -> list[str]:
    """The columns of a table. Raises UserError as `read_rows`, and if the table is empty."""
    if ending(path) in SEPARATED:
        names = next(_lines(path), (0, []))[1]
    else:
        names = list(dict.fromkeys(name for _, row in islice(read_rows(path), _FIRST) for name in row))
    if not names:
        raise UserError(f"{path} is empty; write a line of column names and a line per utterance.")
    _check_separator(path, names)
    if twice := [name for name in names if names.count(name) > 1]:
        raise UserError(f"{path} has two columns named {twice[0]!r}; rename one.")
    return names


def _check_separator(path: Path, names: Sequence[str]) -> None:
    """Refuses a csv or tsv whose only column has the names of several."""
    marks = [mark for mark in ",;\t|" if mark in names[0]]
    if ending(path) in SEPARATED and len(names) == 1 and marks:
        right = "commas" if ending(path) == ".csv" else "tabs"
        what = f"{path} has one column, {names[0]!r}"
        raise UserError(f"{what}; separate cells by {right}, not by {marks[0]!r}.")


def as_text(value: object) -> str | None:
    """A cell as text; None if it is missing (JSON null, NaN of a column of numbers)."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)


def _separated(path: Path) -> Iterator[tuple[str, Row]]:
    names = columns(path)
    for number, cells in islice(_lines(path), 1, None):
        yield f"{path}:{number}", dict(zip(names, cells, strict=True)) if len(cells) == len(names) else {}


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """(last line, cells) of each row that is not blank."""
    kind: dict[str, Any] = {"strict": True}
    if ending(path) == ".tsv":
        kind = {"delimiter": "\t", "quoting": csv.QUOTE_NONE}
    reader = csv.reader(io.StringIO(_text(path), newline=""), **kind)
    try:
        yield from ((reader.line_num, cells) for cells in reader if cells)
    except csv.Error as error:
        remedy = "put cells with commas, quotes or line breaks in quotes, and double quotes inside"
        raise UserError(f"{path}:{reader.line_num} is not {ending(path)[1:]} ({error}); {remedy}.") from None


def _objects(path: Path) -> Iterator[tuple[str, Row]]:
    """A JSON object per line, or a list of objects."""
    text = _text(path)
    if ending(path) == ".json" and trimmed(text).startswith("["):
        rows = _json(text, str(path))
        yield from ((f"{path}, object {i}", _object(row, str(path))) for i, row in enumerate(rows, 1))
        return
    for number, line in enumerate(text.split("\n"), 1):
        if trimmed(line):
            where = f"{path}:{number}"
            yield where, _object(_json(line, where), where)


def _json(text: str, where: str) -> Any:
    try:
        return json.loads(text, parse_int=str, parse_float=str, parse_constant=lambda _: None)
    except (ValueError, RecursionError) as error:
        remedy = "write one JSON object per line"
        raise UserError(f"{where} is not JSON ({error}); {remedy}.") from None


def _object(row: object, where: str) -> Row:
    if not isinstance(row, dict):
        raise UserError(f'{where} is not a JSON object; write {{"audio": ..., "text": ...}}.')
    return row


def _text(path: Path) -> str:
    try:
        return decoded(path.read_bytes(), path)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from None
