"""The table that a terminal shows."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from asr_prune.report.cells import COLUMNS, LEGEND
from asr_prune.report.rows import Row

#: Columns that may shrink, in this order, each to this width: method (1), run (0), nodes per layer (4).
SHRINKABLE = ((1, 8), (0, 20), (4, 13), (0, 12), (1, 6), (4, 9), (0, 8))


def shorten(text: str, width: int) -> str:
    """`text` in at most `width` characters, `..` standing for its middle: names of runs differ at their ends."""
    if len(text) <= width:
        return text
    tail = (width - 2) * 3 // 5
    return f"{text[: width - 2 - tail]}..{text[len(text) - tail :]}"


def fit(widths: Sequence[int], limit: int) -> list[int]:
    """`widths` of the columns, the shrinkable ones narrowed until a line has at most `limit` characters if possible."""
    fitted = list(widths)
    for column, least in SHRINKABLE:
        over = sum(fitted) + sum(each.gap for each in COLUMNS[1:]) - limit
        fitted[column] -= max(0, min(over, fitted[column] - least))
    return fitted


def _line(texts: Sequence[str], widths: Sequence[int]) -> str:
    cells = [
        " " * column.gap + (shorten(text, width).ljust(width) if column.left else text.rjust(width))
        for text, width, column in zip(texts, widths, COLUMNS, strict=True)
    ]
    return "".join(cells)[COLUMNS[0].gap :].rstrip()


def shared_end(names: Sequence[str]) -> str:
    """How all names end, in whole parts from a dash on, and never the first part; of one name nothing."""
    parts = [name.split("-") for name in names]
    shared = 0
    while len(names) > 1 and all(len(own) > shared + 1 for own in parts):
        if len({own[-1 - shared] for own in parts}) > 1:
            break
        shared += 1
    return "".join(f"-{part}" for part in parts[0][len(parts[0]) - shared :]) if shared else ""


def table(rows: Sequence[Row], limit: int = 140) -> str:
    """Two lines of headings, a rule, a line for each of `rows` in their order, and how to read it."""
    end = shared_end([str(row["run"]) for row in rows])
    texts = [[column.cell(row | {"run": row["run"].removesuffix(end)}) for column in COLUMNS] for row in rows]
    heads = [[column.head[line] for column in COLUMNS] for line in (0, 1)]
    widths = fit([max(map(len, column)) for column in zip(*heads, *texts, strict=True)], limit)
    lines = [_line(line, widths) for line in [*heads, *texts]]
    rule = "-" * max(map(len, lines))
    legends = [*LEGEND, *([f"Names of runs go on with {end}."] if end else [])]
    legend = [part for sentence in legends for part in textwrap.wrap(sentence, limit, subsequent_indent="  ")]
    return "\n".join([*lines[:2], rule, *lines[2:], rule, *legend]) + "\n"
