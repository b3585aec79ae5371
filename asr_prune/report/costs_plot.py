"""Word error rate and cross-entropy against each measure of a network's size."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter

from asr_prune.report.results import Result, finite, references
from asr_prune.report.series import DASHES, DENSE, Series, dense_series, series, usual_limit

#: fields of `Result` and what they are called
SIZES = {
    "nodes": "hidden nodes",
    "params": "parameters",
    "macs_per_frame": "multiply-adds per frame",
}
ERRORS = {"wer_test": "test WER (%)", "dev_ce_final": "dev cross-entropy (nats)"}
_CAPTION = (
    "Each point is a run; lines join the medians of what was asked. Dashed: the median dense"
    " network. Hollow: not converged."
)


def costs_plot(rows: Sequence[Result], title: str) -> Figure:
    """Test WER and dev cross-entropy, a row of panels each, against hidden nodes, parameters and
    multiply-adds per frame: lines as in `wer_plot`.

    An error that no run has gets no row; if there is none at all the figure says so.
    """
    shown = [row for row in rows if (finite(row.nodes) or 0) > 0]
    errors = [error for error in ERRORS if any(map(_known(error), shown))]
    figure = Figure(figsize=(14, 1.2 + 4.1 * max(1, len(errors))), layout="constrained")
    figure.suptitle(f"{title}: errors against each measure of size", fontsize=13, x=0.01, ha="left")
    panels = figure.subplots(max(1, len(errors)), len(SIZES), squeeze=False)
    lines = [*dense_series(shown), *series(shown)]
    for error, row in zip(errors, panels, strict=False):
        for size, axes in zip(SIZES, row, strict=True):
            _panel(axes, shown, lines, size, error)
    if not errors:
        panels[0][1].set_title("no run has a word error rate or a cross-entropy")
        return figure
    handles, labels = panels[0][0].get_legend_handles_labels()
    style: dict[str, Any] = {"ncols": _columns(labels), "frameon": False, "fontsize": 9, "alignment": "left"}
    style |= {"loc": "outside lower left", "title": _CAPTION, "title_fontsize": 8.5}
    figure.legend(handles, labels, **style)
    return figure


def _columns(labels: Sequence[str]) -> int:
    """As many columns of the legend as the picture's 14 inches hold, in letters of 9 points."""
    return max(1, min(4, int(13.5 / (0.9 + 0.068 * max(map(len, labels), default=0)))))


def _known(name: str) -> Callable[[Result], bool]:
    return lambda row: finite(getattr(row, name)) is not None


def _panel(axes: Axes, rows: Sequence[Result], lines: Sequence[Series], size: str, error: str) -> None:
    known = list(filter(_known(error), filter(_known(size), rows)))
    for line in lines:
        draw = _reference if line.dash in DASHES else _line
        draw(axes, line, [row for row in line.rows if row in known], size, error)
    _axes(axes, known, size, error)


def _reference(axes: Axes, line: Series, rows: Sequence[Result], size: str, error: str) -> None:
    usual, dashes = references(rows), DASHES[line.dash]
    for nodes in {row.nodes_dense for row in usual}:
        middle = median(getattr(row, error) for row in usual if row.nodes_dense == nodes)
        axes.axhline(middle, color=DENSE, ls=dashes, lw=1.2, zorder=1)
    _points(axes, rows, size, error, {"marker": line.marker, "color": DENSE, "ms": 10})
    axes.plot([], [], line.marker, ls=dashes, color=DENSE, ms=9, label=line.name)


def _line(axes: Axes, line: Series, rows: Sequence[Result], size: str, error: str) -> None:
    axes.plot(*line.line(size, error), "-", color=line.colour, lw=1.5, alpha=0.85, zorder=3)
    axes.plot([], [], line.marker, ls="-", color=line.colour, ms=6, label=line.name)
    for row in rows:
        face = "white" if row.converged is False else line.colour
        style = {"marker": line.marker, "mec": line.colour, "mfc": face, "ms": 6}
        _points(axes, [row], size, error, style)


def _points(axes: Axes, rows: Sequence[Result], size: str, error: str, style: dict[str, Any]) -> None:
    pairs = [(getattr(row, size), getattr(row, error)) for row in rows]
    axes.plot([x for x, _ in pairs], [y for _, y in pairs], ls="", zorder=4, **style)


def _axes(axes: Axes, rows: Sequence[Result], size: str, error: str) -> None:
    """A logarithmic axis of size; collapsed networks are cut off above, as in `wer_plot`."""
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=12))
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    axes.xaxis.set_minor_formatter(NullFormatter())
    values = sorted(getattr(row, error) for row in rows)
    if values and values[-1] > usual_limit(values):
        axes.set_ylim(top=usual_limit(values))
    axes.set_xlabel(SIZES[size])
    axes.set_ylabel(ERRORS[error])
    axes.grid(color="#e6e6e6", lw=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
