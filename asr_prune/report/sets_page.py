"""The comparison of sets of runs as a section of the page."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape

from asr_prune.report.explorer.section import download
from asr_prune.report.sets import SetComparison
from asr_prune.report.sets_table import HEADS, LEFT, heading, set_cells, set_legend, sets_as_json


def sets_section(comparison: SetComparison | None) -> list[str]:
    """HTML of heading, table and legend; nothing without a comparison."""
    if comparison is None:
        return []
    head = "".join(_cell("th", words[1], " ".join(words).strip()) for words in HEADS)
    body = "".join(_row(cells) for cells in set_cells(comparison))
    figures = download("comparison.json", json.dumps(sets_as_json(comparison), indent=1), "application/json")
    notes = "".join(f"<li>{escape(note)}</li>" for note in set_legend(comparison))
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return [
        "<h2>Which differ by more than chance</h2>",
        f"<p>{escape(heading(comparison))}.</p>",
        f'<div class="wide">{table}</div>',
        f'<ul class="soft">{notes}</ul>',
        f'<p class="soft">For programs: {figures}.</p>',
    ]


def _row(cells: Sequence[str]) -> str:
    return f"<tr>{''.join(_cell('td', head[1], cell) for head, cell in zip(HEADS, cells, strict=True))}</tr>"


def _cell(tag: str, column: str, text: str) -> str:
    left = ' class="left"' if column in LEFT else ""
    return f"<{tag}{left}>{escape(text)}</{tag}>"
