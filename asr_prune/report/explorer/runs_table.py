"""The table of runs as HTML, which the page's script sorts."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from asr_prune.report.cells import ABSENT, Column, columns
from asr_prune.report.results import Result, finite, is_dense

#: columns of the page alone, with the classes of their cells
_MADE = {
    Column(("", "seed"), lambda row: _text(row.seed), value=lambda row: row.seed): "",
    Column(("", "commit"), lambda row: _text(row.commit), left=True): "left",
    Column(("", "command"), lambda row: row.command or "not recorded", left=True): "command",
}


def _text(value: object) -> str:
    return ABSENT if value is None else str(value)


def runs_table(rows: Sequence[Result]) -> str:
    """Every column of `rows`, their seeds, commits and commands; names open the runs."""
    every = [*columns(rows), *_MADE]
    return wide_table("".join(map(_head, every)), "".join(_row(row, every) for row in rows))


def wide_table(head: str, body: str) -> str:
    """A table that scrolls sideways, from its cells."""
    rows = f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody>"
    return f'<div class="wide" tabindex="0" role="region" aria-label="table"><table>{rows}</table></div>'


def _head(column: Column) -> str:
    kind = "number" if column.value else "text"
    left = ' class="left"' if column.left else ""
    return f'<th scope="col" data-kind="{kind}"{left}><button>{escape(column.title)}</button></th>'


def _row(row: Result, every: Sequence[Column]) -> str:
    dense = ' class="dense"' if is_dense(row) else ""
    return f"<tr{dense}>{''.join(_cell(row, column) for column in every)}</tr>"


def _cell(row: Result, column: Column) -> str:
    text = column.cell(row)
    names = _MADE.get(column) or " ".join(["left"] * column.left + ["no"] * (text == "NO"))
    look = f' class="{names}"' if names else ""
    if column.value:
        number = finite(column.value(row))
        look += f' data-value="{"" if number is None else number}"'
    if column.title == "run":
        return f'<td{look}><button data-run="{escape(text)}">{escape(text)}</button></td>'
    return f"<td{look}>{escape(text)}</td>"
