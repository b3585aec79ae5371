"""Series of runs: which points a plot joins by a line, and the look of each line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import cycle
from statistics import median

from asr_prune.report.results import Result, finite, is_dense, references
from asr_prune.report.table import shorten

#: Okabe and Ito's colours, safe for the colour-blind, without yellow (too pale), and three of Tol's
COLOURS = (
    *("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"),
    *("#332288", "#882255", "#999933", "#666666"),
)
_MARKERS = "os^DvPX<>h"
DENSE = "#222222"
#: dashes of lines through dense networks, and their markers, for each set of teachers
DASHES = {"dashed": (0, (5, 3)), "dashdot": (0, (6, 2, 1, 2))}
_DENSE_MARKERS = "*pH8d"
#: characters of a variant in the name of a series
_LONGEST = 48


@dataclass(frozen=True)
class Series:
    """Runs of one method, or of one variant of it if several were run; or dense networks."""

    name: str
    rows: list[Result]
    colour: str
    marker: str
    #: solid, or of dense networks a key of `DASHES`
    dash: str = "solid"

    def line(self, size: str = "nodes", error: str = "wer_test") -> tuple[list[float], list[float]]:
        """Two fields of `Result`, by default node counts and test WERs (%), a point per request;
        runs that differ in seed alone give their medians.
        """
        known = []
        for row in self.rows:
            cost, wrong = finite(getattr(row, size)), finite(getattr(row, error))
            if cost is not None and wrong is not None:
                known.append((row, cost, wrong))
        points = median_line(known)
        return [x for x, _ in points], [y for _, y in points]


def median_line(
    points: Iterable[tuple[Result, float, float]], middle: Callable[[Sequence[float]], float] = median
) -> list[tuple[float, float]]:
    """What a line joins, a point per request: of runs, each with its cost and its error, the
    medians of both, or another `middle`.
    """
    groups: dict[tuple[float | str | None, ...], list[tuple[float, float]]] = {}
    for row, cost, error in points:
        groups.setdefault(request(row), []).append((cost, error))
    columns = [zip(*group, strict=True) for group in groups.values()]
    return sorted((middle(costs), middle(errors)) for costs, errors in columns)


def request(row: Result) -> tuple[float | str | None, ...]:
    """The network and what was asked of its pruning: runs of a series that share it differ in seed
    alone.
    """
    asked = row.keep_asked, row.strength, row.sparsity_asked, row.nodes_dense, row.params_dense
    return *map(finite, asked), row.like, row.budget_asked, row.variant


def plottable(rows: Sequence[Result]) -> list[Result]:
    """Rows that have a node count and a test WER."""
    return [row for row in rows if (finite(row.nodes) or 0) > 0 and finite(row.wer_test) is not None]


def usual_limit(errors: Sequence[float]) -> float:
    """Three times the median of those that are not 0: beyond it a network has collapsed."""
    return 3 * median([error for error in errors if error > 0] or [1.0])


def median_run(rows: Sequence[Result]) -> Result:
    """The run of median test WER; of an even number the better of the middle two."""
    return sorted(rows, key=lambda row: (row.wer_test, row.run))[(len(rows) - 1) // 2]


def references_of(row: Result, rows: Sequence[Result]) -> list[Result]:
    """The `references` among `rows` of networks that were as large as that of `row` before anything
    was pruned; all, if there are no such.
    """
    dense = references(rows)
    size = row.nodes_dense, row.params_dense
    return [each for each in dense if (each.nodes_dense, each.params_dense) == size] or dense


def _name(row: Result, rows: Sequence[Result]) -> str:
    """The method and, in brackets, in which of `vectors`, `variant` and the size of the network its
    runs differ; and its teachers, if any of `rows` has others.
    """
    same = [other for other in rows if other.method == row.method]
    keys = ("vectors", "variant", "teachers", "nodes_dense", "params_dense")
    differing = [key for key in keys if _differ(rows if key == "teachers" else same, key)]
    if "nodes_dense" in differing:
        differing.remove("params_dense")
    differences = ", ".join(dict.fromkeys(_told(row, key) for key in differing))
    return f"{row.method} ({differences})" if differences else row.method


def _differ(rows: Sequence[Result], key: str) -> bool:
    return len({getattr(row, key) for row in rows}) > 1


def _told(row: Result, key: str) -> str:
    if key.endswith("_dense"):
        noun, size = "nodes" if key == "nodes_dense" else "parameters", finite(getattr(row, key))
        return f"unknown {noun}" if size is None else f"{size:,.0f} {noun}"
    if key == "teachers":
        names = " + ".join(row.teachers)
        return shorten(f"teacher {names}", _LONGEST) if names else "no teacher"
    return shorten(str(getattr(row, key) or "default"), _LONGEST)


def dense_series(rows: Sequence[Result]) -> list[Series]:
    """The dense runs among `rows`, those of each set of teachers by themselves; those without come
    first. They name their teachers if any of `rows` has others.
    """
    taught = _differ(rows, "teachers")
    named: dict[str, list[Result]] = {}
    for row in sorted(filter(is_dense, rows), key=lambda row: row.teachers):
        name = f"dense, {_told(row, 'teachers')}" if taught and row.teachers else "dense"
        named.setdefault(name, []).append(row)
    dashes = ["dashed", *["dashdot"] * len(named)]
    looks = zip(named.items(), cycle(_DENSE_MARKERS), dashes, strict=False)
    return [Series(*each, DENSE, marker, dash) for each, marker, dash in looks]


def series(rows: Sequence[Result]) -> list[Series]:
    """The pruned runs among `rows`, sorted by name; colour and marker follow from the place in that
    order.
    """
    named: dict[str, list[Result]] = {}
    for row in rows:
        if not is_dense(row):
            named.setdefault(_name(row, rows), []).append(row)
    looks = [(colour, _MARKERS[(place + turn) % 10]) for turn in range(10) for place, colour in enumerate(COLOURS)]
    return [Series(name, named[name], *looks[place % 100]) for place, name in enumerate(sorted(named))]
