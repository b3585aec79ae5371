"""Histograms of weights at the ends of a run's phases: which weights were masked and regrown."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from asr_prune.report.runs import FinishedRun, Weights
from asr_prune.report.table import over_picture

#: runs drawn at most
MOST_RUNS = 4
_COLOUR = "#0072B2"


def _phase_panel(axes: Axes, name: str, weights: Weights, phase: str) -> None:
    counts = weights.counts[phase]
    axes.stairs(counts, weights.edges, fill=True, color=_COLOUR, alpha=0.8)
    axes.set_yscale("log")
    axes.set_ylim(bottom=0.7)
    axes.set_title(f"{over_picture(name)}\n{phase.partition(' ')[2] or phase}", fontsize=9, loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8.5)


def weights_plot(runs: Sequence[FinishedRun], title: str) -> Figure:
    """A row for each of the first MOST_RUNS runs, a column per phase, layers pooled.

    The outermost bins hold all weights beyond them.
    """
    drawn = [(run.result.run, run.weights) for run in runs if run.weights is not None]
    shown = drawn[:MOST_RUNS]
    lines = max(1, len(shown))
    columns = max((len(weights.counts) for _, weights in shown), default=1)
    size = max(6.5, 3.6 * columns), 1.2 + 2.3 * lines
    figure = Figure(figsize=size, layout="constrained")
    heading = f"{title}: weights at the ends of the phases"
    figure.suptitle(heading, fontsize=13, x=0.01, ha="left", color="#333333")
    grid = figure.subplots(lines, columns, squeeze=False)
    for line, (name, weights) in zip(grid, shown, strict=False):
        for axes, phase in zip(line, weights.counts, strict=False):
            _phase_panel(axes, name, weights, phase)
        for axes in line[len(weights.counts) :]:
            axes.set_axis_off()
    hidden = len(drawn) - len(shown)
    more = f" ({hidden} more runs not drawn)" if hidden else ""
    figure.supxlabel(f"weight{more}", fontsize=10)
    figure.supylabel("weights per bin (logarithmic)", fontsize=10)
    return figure
