"""Tables with few columns, the first to the left: as text and as HTML."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from html import escape


def small_text(title: str, cells: Sequence[Sequence[str]], notes: Sequence[str], limit: int) -> str:
    """Title, heading (the first of `cells`), rows, and `notes` in lines of `limit` characters."""
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in cells]
    rule = "-" * len(lines[0])
    wrapped = [line for note in notes for line in textwrap.wrap(note, limit, subsequent_indent="  ")]
    return "\n".join([title, lines[0], rule, *lines[1:], rule, *wrapped])


def small_section(title: str, cells: Sequence[Sequence[str]], notes: Sequence[str]) -> list[str]:
    """The same as HTML."""
    head, *body = cells
    lines = "".join(f"<tr>{_cells(row, 'td')}</tr>" for row in body)
    table = f"<table><thead><tr>{_cells(head, 'th')}</tr></thead><tbody>{lines}</tbody></table>"
    bullets = "".join(f"<li>{escape(note)}</li>" for note in notes)
    return [
        f"<h2>{escape(title)}</h2>",
        f'<div class="wide">{table}</div>',
        f'<ul class="soft">{bullets}</ul>',
    ]


def _cells(row: Sequence[str], tag: str) -> str:
    name, *others = map(escape, row)
    return f'<{tag} class="left">{name}</{tag}>' + "".join(f"<{tag}>{cell}</{tag}>" for cell in others)
