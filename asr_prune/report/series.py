"""Which runs a picture joins by a line, and how it tells the lines apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from asr_prune.report.results import Result, finite, is_dense

#: Okabe and Ito's colours, which the colour-blind tell apart, without yellow (too pale), and three of Paul Tol's.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#332288", "#882255", "#999933", "#666666")
MARKERS = "os^DvPX<>h"
DENSE = "#222222"


@dataclass(frozen=True)
class Series:
    """Runs of one method (and one choice of its settings, where a method was run with several)."""

    name: str
    rows: list[Result]
    colour: str
    marker: str

    def line(self) -> tuple[list[float], list[float]]:
        """Nodes and test WER, a point for each thing asked; runs differing in seed alone give their medians."""
        groups: dict[tuple[float | str | None, ...], list[Result]] = {}
        for row in self.rows:
            asked = finite(row.keep_asked), finite(row.strength), row.like
            groups.setdefault(asked, []).append(row)
        points = [
            (median(row.nodes for row in group), median(row.wer_test for row in group)) for group in groups.values()
        ]
        nodes, wers = zip(*sorted(points), strict=True)
        return list(nodes), list(wers)


def plottable(rows: Sequence[Result]) -> list[Result]:
    """Rows that have a node count and a test WER."""
    return [row for row in rows if (finite(row.nodes) or 0) > 0 and finite(row.wer_test) is not None]


def median_run(rows: Sequence[Result]) -> Result:
    """The run in the middle by test WER; of an even number the better of the two."""
    return sorted(rows, key=lambda row: (row.wer_test, row.run))[(len(rows) - 1) // 2]


def _name(row: Result, rows: Sequence[Result]) -> str:
    """The method and, of `vectors` and `variant` (what else was asked of it), what runs of that method differ in."""
    same = [other for other in rows if other.method == row.method]
    differing = [key for key in ("vectors", "variant") if len({getattr(other, key) for other in same}) > 1]
    told = ", ".join(dict.fromkeys(str(getattr(row, key) or "default") for key in differing))
    return f"{row.method} ({told})" if told else row.method


def series(rows: Sequence[Result]) -> list[Series]:
    """The pruned runs among `rows`, sorted by name; colour and marker follow from the place in that order."""
    named: dict[str, list[Result]] = {}
    for row in rows:
        if not is_dense(row):
            named.setdefault(_name(row, rows), []).append(row)
    return [
        Series(name, named[name], COLOURS[place % len(COLOURS)], MARKERS[place % len(MARKERS)])
        for place, name in enumerate(sorted(named))
    ]
