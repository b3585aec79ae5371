"""The picture that the project exists for: test WER against surviving nodes."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator

from asr_prune.report.rows import Row, Run, is_dense, number
from asr_prune.report.series import COLOURS, DENSE, Series, median_run, plottable, series

CAPTION = (
    "Bars and band: 95 % interval by speaker. Hollow: the cut removed more than 5 % of the norm mass (not converged)."
)
INK = "#333333"


def tick_fractions(least: float) -> list[float]:
    """Shares of the dense network that get a tick: halves down to `least`, or tenths where halves are few."""
    if least >= 0.5:
        return [1.0, 0.9, 0.8, 0.7, 0.6, 0.5]
    fractions = [1.0]
    while fractions[-1] / 2 > least / 1.15:
        fractions.append(fractions[-1] / 2)
    return fractions


def _ceiling(rows: Sequence[Row]) -> float:
    """Top of the WER axis; networks that collapsed are shown at the edge rather than flattening all others."""
    wers = [row["wer_test"] for row in rows]
    usual = [row for row in rows if row["wer_test"] <= 3 * median(wers)]
    return 1.06 * max(number(row, "wer_test_high") or row["wer_test"] for row in usual)


def _point(axes: Axes, row: Row, x: float, one: Series, faint: bool, top: float) -> None:
    wer, low, high = (number(row, key) for key in ("wer_test", "wer_test_low", "wer_test_high"))
    assert wer is not None
    if wer > top:
        axes.annotate(
            f"{wer:.0f} %", (x, top), (0, -15), textcoords="offset points", ha="center", fontsize=8, color=one.colour
        )
        axes.plot(x, top, "^", color=one.colour, clip_on=False, zorder=4)
        return
    if low is not None and high is not None:
        axes.vlines(x, low, high, color=one.colour, lw=1.0 if faint else 1.4, alpha=0.35 if faint else 0.7, zorder=2)
        ends = axes.plot([x, x], [low, high], "_", color=one.colour, ms=3 if faint else 5, zorder=2)
        ends[0].set_alpha(0.35 if faint else 0.7)
    face = "white" if row.get("converged") is False else one.colour
    axes.plot(x, wer, one.marker, mfc=face, mec=one.colour, mew=1.4, ms=6 if faint else 7.5, zorder=4)


def _reference(axes: Axes, rows: Sequence[Row]) -> None:
    """A dashed line through each dense network's median run, its interval as a band, and the dense runs themselves."""
    for count in sorted({row["nodes"] for row in rows}):
        group = [row for row in rows if row["nodes"] == count]
        middle = median_run(group)
        low, high = number(middle, "wer_test_low"), number(middle, "wer_test_high")
        axes.axhline(middle["wer_test"], color=DENSE, ls=(0, (5, 3)), lw=1.3, zorder=1)
        if low is not None and high is not None:
            axes.axhspan(low, high, color=DENSE, alpha=0.07, lw=0, zorder=0)
        label = f"dense, {count:,} nodes: {middle['wer_test']:.2f} %"
        axes.plot([], [], "*", ls=(0, (5, 3)), color=DENSE, ms=10, label=label)
        axes.plot([count] * len(group), [row["wer_test"] for row in group], "*", color=DENSE, ms=9, zorder=4)


def _lines(axes: Axes, found: Sequence[Series], faint: bool, top: float) -> None:
    step = min(0.035, 0.28 / max(1, len(found)))
    for place, one in enumerate(found):
        shift = 2 ** (step * (place - (len(found) - 1) / 2))
        nodes, wers = one.line()
        axes.plot([x * shift for x in nodes], wers, "-", color=one.colour, lw=1.6, alpha=0.85, zorder=3)
        axes.plot([], [], one.marker, ls="-", color=one.colour, ms=7, label=one.name)
        for row in one.rows:
            _point(axes, row, row["nodes"] * shift, one, faint, top)


def _nested(axes: Axes, runs: Sequence[Run], top: float) -> None:
    """A dotted line through the widths that were cut from one run without training; what is above the top is not
    drawn.
    """
    for place, run in enumerate(runs):
        points = sorted((row["nodes"], row["wer_test"]) for row in run.nested if row["wer_test"] <= top)
        label = f"{run.row['run']}: its first nodes, not retrained"
        colour = COLOURS[-1 - place % len(COLOURS)]
        nodes, wers = ([point[axis] for point in points] for axis in (0, 1))
        axes.plot(nodes, wers, "x:", color=colour, ms=5, lw=1.2, label=label, zorder=2)


def _node_axis(axes: Axes, rows: Sequence[Row]) -> None:
    dense = max(number(row, "nodes_dense") or row["nodes"] for row in rows)
    least = min(row["nodes"] for row in rows) / dense
    fractions = tick_fractions(least)
    axes.set_xscale("log", base=2)
    axes.set_xlim(dense * min(least / 1.18, 0.5 / 1.06), dense * 1.12)
    axes.xaxis.set_major_locator(FixedLocator([dense * fraction for fraction in fractions]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticklabels([f"{dense * fraction:,.0f}\n{100 * fraction:.3g} %" for fraction in fractions])
    axes.set_xlabel("hidden nodes that survive (count, and share of the dense network)")


def _legend(figure: Figure, axes: Axes, entries: int) -> None:
    if entries <= 5:
        axes.legend(loc="upper right", handlelength=2.8, framealpha=0.92, edgecolor="#dddddd", fontsize=10)
    else:
        axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), handlelength=2.8, frameon=False, fontsize=10)


def wer_plot(rows: Sequence[Row], title: str, nested: Sequence[Run] = ()) -> Figure:
    """Test WER (%) against surviving hidden nodes, one line for each method, the dense network dashed.

    nested: runs with figures of narrower networks cut from them, dotted.

    Rows without a node count or a test WER are left out; with none left the picture says so.
    """
    shown = plottable(rows)
    found = series(shown)
    figure = Figure(figsize=(9.5 if len(found) < 5 else 11.5, 5.6), layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(f"{title}: word error rate against surviving nodes", fontsize=13, loc="left", pad=12, color=INK)
    if not shown:
        axes.text(0.5, 0.5, "no run has been scored on the test set yet", ha="center", va="center", fontsize=12)
        axes.set_axis_off()
        return figure
    top, faint = _ceiling(shown), len(shown) > 12
    dense = [row for row in shown if is_dense(row)]
    _reference(axes, dense)
    _lines(axes, found, faint, top)
    curves = [run for run in nested if run.nested]
    _nested(axes, curves, top)
    _node_axis(axes, [*shown, *(row for run in curves for row in run.nested if row["wer_test"] <= top)])
    lows = [number(row, "wer_test_low") or row["wer_test"] for row in shown]
    axes.set_ylim(max(0.0, min(lows) - 0.12 * (top - min(lows))), top)
    axes.set_ylabel("test WER (%)")
    axes.grid(axis="both", color="#e6e6e6", lw=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    _legend(figure, axes, len(found) + len(curves) + len({row["nodes"] for row in dense}))
    figure.supxlabel(CAPTION, fontsize=8.5, color="#666666", x=0.02, ha="left")
    return figure
