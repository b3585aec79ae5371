"""Histograms of weights at the ends of a run's phases: where masked weights were, and where they came back."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from asr_prune.report.rows import Run, Weights

#: runs drawn at most
MOST = 4
COLOUR = "#0072B2"


def _panel(axes: Axes, name: str, weights: Weights, phase: str) -> None:
    counts = weights.counts[phase]
    axes.stairs(counts, weights.edges, fill=True, color=COLOUR, alpha=0.8)
    axes.set_yscale("log")
    axes.set_ylim(bottom=0.7)
    axes.set_title(f"{name}: {phase.partition(' ')[2] or phase}", fontsize=10, loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8.5)


def weights_plot(runs: Sequence[Run], title: str) -> Figure:
    """A row for each of the first MOST runs that have histograms, a column for each phase; all layers pooled.

    The outermost bins hold all that lies beyond.
    """
    drawn = [(str(run.row["run"]), run.weights) for run in runs if run.weights is not None]
    shown = drawn[:MOST]
    columns = max((len(weights.counts) for _, weights in shown), default=1)
    figure = Figure(figsize=(max(6.5, 3.6 * columns), 1.2 + 2.3 * max(1, len(shown))), layout="constrained")
    figure.suptitle(f"{title}: weights at the ends of the phases", fontsize=13, x=0.01, ha="left", color="#333333")
    grid = figure.subplots(max(1, len(shown)), columns, squeeze=False)
    for line, (name, weights) in zip(grid, shown, strict=False):
        for axes, phase in zip(line, weights.counts, strict=False):
            _panel(axes, name, weights, phase)
        for axes in line[len(weights.counts) :]:
            axes.set_axis_off()
    left_out = len(drawn) - len(shown)
    figure.supxlabel("weight" + (f" ({left_out} more runs not drawn)" if left_out else ""), fontsize=10)
    figure.supylabel("weights a bin (logarithmic)", fontsize=10)
    return figure
