"""The table of runs for the terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import replace

from asr_prune.report.cells import Column, columns, legend
from asr_prune.report.results import Result

#: Columns that may be narrowed, in this order, with the width that each keeps:
#: 0 is the run, 1 the method, 4 the nodes per layer. Methods have short names, which say most.
_SHRINKABLE = ((0, 20), (4, 13), (0, 12), (4, 7), (1, 8), (0, 8), (1, 6))


def shorten(text: str, width: int) -> str:
    """`text` in at most `width` characters; `..` replaces the middle, as names differ at the ends."""
    if len(text) <= width:
        return text
    tail = (width - 2) * 3 // 5
    return f"{text[: width - 2 - tail]}..{text[len(text) - tail :]}"


def _narrowed(text: str, width: int) -> str:
    """A cell in at most `width` characters: of a method with its marks the name alone is shortened,
    if four characters of it are left.
    """
    name, blank, marks = text.partition(" ")
    room = width - len(blank + marks)
    return f"{shorten(name, room)}{blank}{marks}" if room >= 4 else shorten(text, width)


def over_picture(run: str) -> str:
    """A run's name as it fits above a picture of 3.6 inches, in letters of 9 points."""
    return shorten(run, 40)


def fit(widths: Sequence[int], limit: int, gaps: int) -> list[int]:
    """`widths` with shrinkable columns narrowed so that a line has `limit` characters if possible."""
    fitted = list(widths)
    for column, least in _SHRINKABLE:
        over = sum(fitted) + gaps - limit
        fitted[column] -= max(0, min(over, fitted[column] - least))
    return fitted


def _line(texts: Sequence[str], widths: Sequence[int], every: Sequence[Column]) -> str:
    cells = [
        " " * column.gap + (f"{_narrowed(text, width):{width}}" if column.left else text.rjust(width))
        for text, width, column in zip(texts, widths, every, strict=True)
    ]
    return "".join(cells)[every[0].gap :].rstrip()


def shared_end(names: Sequence[str]) -> str:
    """The dash-separated parts that all names end in, never a whole name; "" for one name."""
    if len(names) < 2:
        return ""
    parts = [name.split("-") for name in names]
    shared = 0
    while all(len(part) > shared + 1 for part in parts):
        if len({part[-1 - shared] for part in parts}) > 1:
            break
        shared += 1
    return "".join(f"-{part}" for part in parts[0][len(parts[0]) - shared :])


def table(rows: Sequence[Result], limit: int = 140) -> str:
    """Two lines of headings, a rule, a line for each of `rows` in their order, and the legend."""
    end = shared_end([row.run for row in rows])
    named = [replace(row, run=row.run.removesuffix(end)) for row in rows]
    every = columns(rows)
    texts = [[column.cell(row) for column in every] for row in named]
    heads = [[column.head[line] for column in every] for line in (0, 1)]
    gaps = sum(column.gap for column in every[1:])
    widths = fit([max(map(len, column)) for column in zip(*heads, *texts, strict=True)], limit, gaps)
    lines = [_line(line, widths, every) for line in [*heads, *texts]]
    rule = "-" * max(map(len, lines))
    return "\n".join([*lines[:2], rule, *lines[2:], rule, *_legend(legend(rows), end, limit)]) + "\n"


def _legend(meanings: Sequence[str], end: str, limit: int) -> list[str]:
    legends = [*meanings, *([f"All names of runs end in {end}."] if end else [])]
    wrapped = (textwrap.wrap(each, limit, subsequent_indent="  ") for each in legends)
    return [line for lines in wrapped for line in lines]
