"""What the main chart draws: runs, lines of medians and means, and the dense references."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import Any

from asr_prune.pruning.registry import find_options
from asr_prune.report.explorer.costs import COSTS, Measure
from asr_prune.report.explorer.details import Details
from asr_prune.report.results import Result, finite, references
from asr_prune.report.series import (
    COLOURS,
    DENSE,
    Series,
    dense_series,
    median_line,
    median_run,
    series,
)
from asr_prune.report.wer_plot import bottom, ceiling

#: the colours of `series` on a light and on a dark page, in their order: all stand out from it by
#: 3 to 1 at least
LIGHT = (
    *("#0072B2", "#D55E00", "#00855F", "#B85A8D", "#B27700", "#2E8BC0"),
    *("#332288", "#882255", "#7F7F26", "#666666"),
)
DARK = (
    *("#56A8E0", "#F08040", "#2BC49A", "#E39AC4", "#F0B429", "#8FD0F5"),
    *("#9A8CF0", "#E0709A", "#C8C860", "#B0B0B0"),
)
_DENSE_DARK = "#F0F0F0"
#: markers of `series` as Bokeh calls them
MARKERS = {
    **{"o": "circle", "s": "square", "^": "triangle", "D": "diamond", "v": "inverted_triangle"},
    **{"P": "plus", "X": "square_x", "<": "square_pin", ">": "triangle_pin", "h": "hex"},
    **{"*": "star", "p": "asterisk", "H": "x", "8": "cross", "d": "y"},
}
#: what a line may join, of runs that differ in seed alone
MIDDLES: dict[str, Callable[[Sequence[float]], float]] = {"median": median, "mean": fmean}


@dataclass(frozen=True)
class CostedRun:
    """A run that has a test WER, with its costs by key; None where one is not known."""

    row: Result
    costs: Mapping[str, float | None]


def known_runs(rows: Sequence[Result], details: Mapping[str, Details]) -> list[CostedRun]:
    """Those of `rows` with a test WER."""
    scored = [row for row in rows if finite(row.wer_test) is not None]
    costs = [{cost.key: cost.value(row, details[row.run]) for cost in COSTS} for row in scored]
    return [CostedRun(row, each) for row, each in zip(scored, costs, strict=True)]


def points_of_line(
    runs: Sequence[CostedRun], cost: str, middle: Callable[[Sequence[float]], float] = median
) -> list[tuple[float, float]]:
    """Its points, (cost, WER): the medians, as in the pictures, or another `middle`."""
    known = ((run.row, run.costs[cost], finite(run.row.wer_test)) for run in runs)
    return median_line(((row, x, y) for row, x, y in known if x is not None and y is not None), middle)


def takes_widths(method: str) -> bool:
    """Whether the method trains a small network to compare pruned ones with: dense_small."""
    try:
        return "like" in find_options(method).COLUMNS
    except ValueError:
        return False


def chart_data(rows: Sequence[Result], details: Mapping[str, Details]) -> dict[str, Any]:
    """The main chart as JSON values: costs, series, runs and the range of WER."""
    runs = known_runs(rows, details)
    rows = [run.row for run in runs]
    dense, pruned = dense_series(rows), series(rows)
    top = ceiling(rows) if runs else 1.0
    named = [_series(line, [run for run in runs if run.row in line.rows]) for line in pruned]
    keys = {id(row): line.name for line in (*dense, *pruned) for row in line.rows}
    return {
        "costs": {cost.key: cost.label for cost in _known(runs)},
        "series": [*map(_dense_series, dense), *named],
        "runs": [_run(run, keys[id(run.row)]) for run in runs],
        "dense": [each for line in dense for each in _references(line)],
        "range": [bottom(rows, top), top],
    }


def _known(runs: Sequence[CostedRun]) -> list[Measure]:
    """What the axis can show: nodes, and what is known of any run."""
    return [cost for cost in COSTS if cost.key == "nodes" or any(run.costs[cost.key] is not None for run in runs)]


def _dense_series(line: Series) -> dict[str, Any]:
    look = {"colour": DENSE, "dark": _DENSE_DARK, "marker": MARKERS[line.marker], "dash": line.dash}
    return {"name": line.name, **look, "lines": {key: {} for key in MIDDLES}}


def _series(line: Series, runs: Sequence[CostedRun]) -> dict[str, Any]:
    place = COLOURS.index(line.colour)
    look = {"colour": LIGHT[place], "dark": DARK[place]}
    look |= {"marker": MARKERS[line.marker], "dash": line.dash}
    if takes_widths(runs[0].row.method):
        look |= {"colour": DENSE, "dark": _DENSE_DARK, "dash": "dotted"}
    lines = {
        key: {cost.key: points_of_line(runs, cost.key, middle) for cost in COSTS} for key, middle in MIDDLES.items()
    }
    return {"name": line.name, **look, "lines": lines}


def _run(run: CostedRun, key: str) -> dict[str, Any]:
    row = run.row
    facts = {"run": row.run, "series": key, "wer": row.wer_test, **_interval(row)}
    return {**facts, "seed": row.seed, "hollow": row.converged is False, "x": dict(run.costs)}


def _references(line: Series) -> list[dict[str, Any]]:
    """Of the dense runs of a series the median one of each size, with its interval."""
    dense = references(line.rows)
    sizes = sorted({row.nodes for row in dense if finite(row.nodes)})
    middle = [median_run([row for row in dense if row.nodes == size]) for size in sizes]
    look = {"series": line.name, "dash": line.dash}
    return [{"wer": row.wer_test, **_interval(row), **look} for row in middle]


def _interval(row: Result) -> dict[str, float | None]:
    return {"low": finite(row.wer_test_low), "high": finite(row.wer_test_high)}
