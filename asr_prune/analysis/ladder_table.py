"""The ladder as tables: of one seed, and medians and ranges over several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from asr_prune.report.cells import ABSENT, decimals

#: columns of the table over seeds: heading, key of a row, decimals
_COLUMNS = (
    ("pdfs", "pdfs", 0),
    ("gaussians", "gaussians", 0),
    ("WER dev (seen)", "wer_dev", 2),
    ("WER test", "wer_test", 2),
    ("test, tuned on test", "wer_test_tuned", 2),
    ("training, s", "seconds", 0),
)
_NOTE = "WER in %, equivalent words counted as one. The passes were trained on dev too."

_Row = Mapping[str, Any]


def format_ladder(rows: Sequence[_Row]) -> list[str]:
    """Lines for the terminal: a row per pass."""
    lines = [f"{'pass':10s}  pdfs  gaussians  WER dev (seen)  WER test  test, tuned on test  training"]
    for row in rows:
        sizes = f"{row['pass']:10s}  {row['pdfs']:4d}  {row['gaussians']:9d}"
        test, tuned = (decimals(row.get(key), 2) for key in ("wer_test", "wer_test_tuned"))
        wers = f"{row['wer_dev']:14.2f}  {test:>8}  {tuned:>20}"
        lines.append(f"{sizes}  {wers}  {row['seconds']:6.0f} s")
    return [*lines, _NOTE]


def over_seeds(ladders: Sequence[Sequence[_Row]]) -> list[dict[str, Any]]:
    """For each pass, its name and of each figure the median, low, high and values by seed.

    ladders: for each seed a row per pass. Figures that a row lacks, as those of a test set without
    transcripts, are None.
    """
    passes: list[dict[str, Any]] = []
    for rows in zip(*ladders, strict=True):
        figures = {key: _spread([row.get(key) for row in rows]) for _, key, _ in _COLUMNS}
        passes.append({"pass": rows[0]["pass"], **figures})
    return passes


def _spread(values: Sequence[float | None]) -> dict[str, Any] | None:
    known = [value for value in values if value is not None]
    if not known:
        return None
    return {"median": median(known), "low": min(known), "high": max(known), "values": list(values)}


def format_spread(passes: Sequence[_Row], seeds: Sequence[int]) -> list[str]:
    """Lines for the terminal: median [lowest, highest] of each pass, of `over_seeds`."""
    heads = ["pass", *(head for head, _, _ in _COLUMNS)]
    cells = [[row["pass"], *(_cell(row[key], digits) for _, key, digits in _COLUMNS)] for row in passes]
    widths = [max(map(len, column)) for column in zip(heads, *cells, strict=True)]
    lines = [_line(line, widths) for line in [heads, *cells]]
    named = f"seed {seeds[0]}" if len(seeds) == 1 else f"{len(seeds)} seeds, {seeds[0]} to {seeds[-1]}"
    return [*lines, f"Median [lowest, highest] over {named}. {_NOTE}"]


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = zip(cells, widths, strict=True)
    return "  ".join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]).rstrip()


def _cell(spread: Mapping[str, Any] | None, digits: int) -> str:
    if spread is None:
        return ABSENT
    middle, low, high = (decimals(spread[key], digits) for key in ("median", "low", "high"))
    return f"{middle} [{low}, {high}]"
