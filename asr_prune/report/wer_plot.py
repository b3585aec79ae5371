"""The main figure: test WER against surviving hidden nodes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator

from asr_prune.report.results import Result, finite, references
from asr_prune.report.runs import FinishedRun
from asr_prune.report.series import (
    COLOURS,
    DASHES,
    DENSE,
    Series,
    dense_series,
    median_run,
    plottable,
    series,
    usual_limit,
)

_CAPTION = "Bars and band: 95 % interval by speaker. Hollow: not converged, the cut removed or cost too much."
_INK = "#333333"
#: up to so many entries fit into the axes as a legend
_LEGEND_INSIDE = 5
#: with more runs than this, markers and bars are small and pale
_CROWDED = 12


def tick_fractions(least: float) -> list[float]:
    """Fractions of the dense network with a tick: halves down to `least`, or tenths above 0.5."""
    if least >= 0.5:
        return [1.0, 0.9, 0.8, 0.7, 0.6, 0.5]
    fractions = [1.0]
    while fractions[-1] / 2 > least / 1.15:
        fractions.append(fractions[-1] / 2)
    return fractions


def ceiling(rows: Sequence[Result]) -> float:
    """Top of the WER axis, %; collapsed networks are shown at the edge, not flattening the rest."""
    limit = usual_limit([row.wer_test for row in rows])
    usual = [row for row in rows if row.wer_test <= limit]
    return 1.06 * max(finite(row.wer_test_high) or row.wer_test for row in usual) or 1.0


def bottom(rows: Sequence[Result], top: float) -> float:
    """Bottom of the WER axis, %, below all intervals; 0 without rows."""
    pairs = [(finite(row.wer_test_low), row.wer_test) for row in rows]
    low = min((wer if least is None else least for least, wer in pairs), default=0.0)
    return max(0.0, low - 0.12 * (top - low))


def _point(axes: Axes, row: Result, x: float, line: Series, faint: bool, top: float) -> None:
    if row.wer_test > top:
        style: dict[str, Any] = {"textcoords": "offset points", "ha": "center", "fontsize": 8}
        axes.annotate(f"{row.wer_test:.0f} %", (x, top), (0, -15), color=line.colour, **style)
        axes.plot(x, top, "^", color=line.colour, clip_on=False, zorder=4)
        return
    _error_bar(axes, row, x, line.colour, faint)
    face = "white" if row.converged is False else line.colour
    size = 6 if faint else 7.5
    marker: dict[str, Any] = {"mfc": face, "mec": line.colour, "mew": 1.4, "ms": size}
    axes.plot(x, row.wer_test, line.marker, zorder=4, **marker)


def _error_bar(axes: Axes, row: Result, x: float, colour: str, faint: bool) -> None:
    low, high = finite(row.wer_test_low), finite(row.wer_test_high)
    if low is None or high is None:
        return
    alpha = 0.35 if faint else 0.7
    axes.vlines(x, low, high, color=colour, lw=1.0 if faint else 1.4, alpha=alpha, zorder=2)
    ends = axes.plot([x, x], [low, high], "_", color=colour, ms=3 if faint else 5, zorder=2)
    ends[0].set_alpha(alpha)


def _reference(axes: Axes, line: Series) -> None:
    """Dense networks: runs, a dashed line through the median one, its interval as a band."""
    rows = references(line.rows)
    for count in sorted({row.nodes for row in rows}):
        wers = [row.wer_test for row in rows if row.nodes == count]
        middle = median_run([row for row in rows if row.nodes == count])
        low, high = finite(middle.wer_test_low), finite(middle.wer_test_high)
        dashes = DASHES[line.dash]
        axes.axhline(middle.wer_test, color=DENSE, ls=dashes, lw=1.3, zorder=1)
        if low is not None and high is not None:
            axes.axhspan(low, high, color=DENSE, alpha=0.07, lw=0, zorder=0)
        label = f"{line.name}, {count:,.0f} nodes: {middle.wer_test:.2f} %"
        axes.plot([], [], line.marker, ls=dashes, color=DENSE, ms=10, label=label)
        axes.plot([count] * len(wers), wers, line.marker, color=DENSE, ms=9, zorder=4)


def _lines(axes: Axes, lines: Sequence[Series], faint: bool, top: float) -> None:
    step = min(0.035, 0.28 / max(1, len(lines)))
    for place, line in enumerate(lines):
        shift = 2 ** (step * (place - (len(lines) - 1) / 2))
        nodes, wers = line.line()
        style: dict[str, Any] = {"color": line.colour, "lw": 1.6, "alpha": 0.85, "zorder": 3}
        axes.plot([x * shift for x in nodes], wers, "-", **style)
        axes.plot([], [], line.marker, ls="-", color=line.colour, ms=7, label=line.name)
        for row in line.rows:
            _point(axes, row, row.nodes * shift, line, faint, top)


def _nested_widths(axes: Axes, runs: Sequence[FinishedRun], top: float) -> None:
    """A dotted line through the widths cut from each run without training, up to `top`."""
    for place, run in enumerate(runs):
        points = sorted((row.nodes, row.wer_test) for row in run.nested if row.wer_test and row.wer_test <= top)
        nodes, wers = ([point[axis] for point in points] for axis in (0, 1))
        style: dict[str, Any] = {"color": COLOURS[-1 - place % len(COLOURS)], "ms": 5, "lw": 1.2}
        label = f"{run.result.run}: first nodes, not retrained"
        axes.plot(nodes, wers, "x:", label=label, zorder=2, **style)


def _node_axis(axes: Axes, counts: Sequence[float], dense: float) -> None:
    """A logarithmic axis of hidden nodes with ticks at fractions of the dense network."""
    least = min(counts) / dense
    fractions = tick_fractions(least)
    axes.set_xscale("log", base=2)
    axes.set_xlim(dense * min(least / 1.18, 0.5 / 1.06), dense * 1.12)
    axes.xaxis.set_major_locator(FixedLocator([dense * fraction for fraction in fractions]))
    axes.xaxis.set_minor_locator(NullLocator())
    labels = [f"{dense * fraction:,.0f}\n{100 * fraction:.3g} %" for fraction in fractions]
    axes.set_xticklabels(labels)
    axes.set_xlabel("surviving hidden nodes (count, and share of the dense network)")


def _wer_axis(axes: Axes, rows: Sequence[Result], top: float) -> None:
    axes.set_ylim(bottom(rows, top), top)
    axes.set_ylabel("test WER (%)")
    axes.grid(axis="both", color="#e6e6e6", lw=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def _legend(axes: Axes) -> None:
    style: dict[str, Any] = {"handlelength": 2.8, "fontsize": 10}
    if len(axes.get_legend_handles_labels()[0]) <= _LEGEND_INSIDE:
        axes.legend(loc="upper right", framealpha=0.92, edgecolor="#dddddd", **style)
    else:
        axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False, **style)


def wer_plot(rows: Sequence[Result], title: str, nested: Sequence[FinishedRun] = ()) -> Figure:
    """Test WER (%) against surviving hidden nodes: a line per method, dense networks dashed, those
    with a teacher by themselves.

    nested: runs with nested widths, dotted. Rows without a node count or a test WER are left out;
    if none remains the figure says so.
    """
    shown = plottable(rows)
    lines = series(shown)
    size = 9.5 if len(lines) < 5 else 11.5, 5.6
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.add_subplot()
    heading = f"{title}: word error rate against surviving nodes"
    axes.set_title(heading, fontsize=13, loc="left", pad=12, color=_INK)
    if not shown:
        _draw_nothing(axes)
        return figure
    _draw_lines(axes, shown, lines, [run for run in nested if run.nested])
    figure.supxlabel(_CAPTION, fontsize=8.5, color="#666666", x=0.02, ha="left")
    return figure


def _draw_nothing(axes: Axes) -> None:
    text = "no run has a word error rate on the test set"
    axes.text(0.5, 0.5, text, ha="center", va="center", fontsize=12)
    axes.set_axis_off()


def _draw_lines(
    axes: Axes,
    rows: Sequence[Result],
    lines: Sequence[Series],
    nested: Sequence[FinishedRun],
) -> None:
    top = ceiling(rows)
    for dense in dense_series(rows):
        _reference(axes, dense)
    _lines(axes, lines, len(rows) > _CROWDED, top)
    _nested_widths(axes, nested, top)
    widths = [row for run in nested for row in run.nested if row.wer_test and row.wer_test <= top]
    counts = [*(row.nodes for row in rows), *(row.nodes for row in widths)]
    _node_axis(axes, counts, max(*counts, *(finite(row.nodes_dense) or 0 for row in rows)))
    _wer_axis(axes, rows, top)
    _legend(axes)
