"""Histograms of node norms just before the cut.

A method that separates nodes to keep from nodes to cut shows two peaks, plain shrinkage one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from asr_prune.report.results import finite, references
from asr_prune.report.runs import FinishedRun, Norms
from asr_prune.report.series import series
from asr_prune.report.table import over_picture

_KEPT, _CUT = "#0072B2", "#D55E00"
#: panels drawn at most
MOST_PANELS = 12
_BINS = 44


def panels_shown(runs: Sequence[FinishedRun]) -> list[FinishedRun]:
    """The runs with norms; of more than MOST_PANELS, the dense one and each method's smallest."""
    drawn = [run for run in runs if run.norms is not None]
    if len(drawn) <= MOST_PANELS:
        return drawn
    lines = series([run.result for run in drawn])
    least = [min(line.rows, key=lambda row: finite(row.nodes) or 0) for line in lines]
    dense = references([run.result for run in drawn])[:1]
    wanted = {id(row) for row in (dense + least)[:MOST_PANELS]}
    return [run for run in drawn if id(run.result) in wanted]


def bin_edges(norms: np.ndarray) -> tuple[np.ndarray, bool]:
    """Bin edges, float64 [bins + 1], and whether they are logarithmic.

    They are if the norms above 0 span more than a factor of 30. Logarithmic bins reach down to a
    millionth of the largest norm; the first bin takes all smaller norms, zeros included.
    """
    positive = norms[norms > 0]
    if not len(positive):
        return np.linspace(0.0, 1.0, _BINS + 1), False
    low, high = np.percentile(positive, 1), positive.max()
    if high <= 30 * low:
        return np.linspace(0.0, 1.02 * high, _BINS + 1), False
    floor = max(positive.min(), 1e-6 * high) / (2.0 if len(positive) < len(norms) else 1.02)
    return np.geomspace(floor, 1.02 * high, _BINS + 1), True


def _panel(axes: Axes, run: FinishedRun, norms: Norms) -> None:
    bins, logarithmic = bin_edges(norms.norms)
    clipped = np.maximum(norms.norms, bins[0])
    for part, colour, label in ((~norms.kept, _CUT, "cut"), (norms.kept, _KEPT, "kept")):
        style: dict[str, Any] = {"color": colour, "alpha": 0.8, "histtype": "stepfilled"}
        axes.hist(clipped[part], bins=bins.tolist(), label=label, **style)
    axes.set_xscale("log" if logarithmic else "linear")
    axes.set_title(over_picture(run.result.run), fontsize=9, loc="left", pad=18)
    style = {"transform": axes.transAxes, "fontsize": 8.5, "color": "#666666"}
    axes.text(0, 1.03, _counts(norms), **style).set_in_layout(False)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8.5)


def _counts(norms: Norms) -> str:
    zeros = int((norms.norms == 0).sum())
    text = f"{int(norms.kept.sum()):,} of {len(norms.kept):,} nodes kept"
    return text + (f"; {zeros:,} exactly 0" if zeros else "")


def _use_log_counts(all_axes: Sequence[Axes], runs: Sequence[FinishedRun]) -> bool:
    """Whether one bin would flatten the rest of its panel; then all counts become logarithmic."""
    if not any(_has_tall_bin(run.norms) for run in runs if run.norms is not None):
        return False
    for axes in all_axes:
        axes.set_yscale("log")
        axes.set_ylim(bottom=0.7)
    return True


def _has_tall_bin(norms: Norms) -> bool:
    counts = np.histogram(np.maximum(norms.norms, 0), bin_edges(norms.norms)[0])[0]
    typical = float(np.median(counts[counts > 0])) if counts.any() else 1.0
    return bool(counts.max() > 25 * max(1.0, typical))


def norms_plot(runs: Sequence[FinishedRun], title: str) -> Figure:
    """A histogram for each of `panels_shown`, kept and cut nodes in two colours, layers pooled."""
    shown = panels_shown(runs)
    columns = 2 if len(shown) == 4 else min(3, max(1, len(shown)))
    lines = -(-max(1, len(shown)) // columns)
    size = max(6.5, 4.0 * columns), 1.3 + 2.6 * lines
    figure = Figure(figsize=size, layout="constrained")
    heading = f"{title}: node norms before the cut"
    figure.suptitle(heading, fontsize=13, x=0.01, ha="left", color="#333333")
    if not shown:
        style: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": 12}
        figure.text(0.5, 0.5, "no run has stored its node norms", **style)
        return figure
    grid = list(figure.subplots(lines, columns, squeeze=False).flat)
    for axes, run in zip(grid, shown, strict=False):
        assert run.norms is not None
        _panel(axes, run, run.norms)
    for axes in grid[len(shown) :]:
        axes.set_axis_off()
    hidden = sum(run.norms is not None for run in runs) - len(shown)
    _label(figure, _use_log_counts(grid[: len(shown)], shown), hidden)
    return figure


def _label(figure: Figure, logarithmic: bool, hidden: int) -> None:
    more = f" ({hidden} more runs not drawn)" if hidden else ""
    figure.supylabel(f"nodes{' (logarithmic)' if logarithmic else ''}", fontsize=10)
    figure.supxlabel(f"norm of the node{more}", fontsize=10)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="upper right", ncols=2, frameon=False, fontsize=10)
