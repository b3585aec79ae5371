"""Histograms of node norms just before the cut: a method that decides leaves two heaps, one that shrinks leaves one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from asr_prune.report.rows import Norms, Run, is_dense, number
from asr_prune.report.series import series

KEPT, CUT = "#0072B2", "#D55E00"
MOST = 12
BINS = 44


def choose(runs: Sequence[Run]) -> list[Run]:
    """All runs that have norms or, of more than MOST, the dense one and the smallest of each method."""
    drawn = [run for run in runs if run.norms is not None]
    if len(drawn) <= MOST:
        return drawn
    least = [min(one.rows, key=lambda row: number(row, "nodes") or 0) for one in series([run.row for run in drawn])]
    dense = [run.row for run in drawn if is_dense(run.row)][:1]
    wanted = {id(row) for row in (dense + least)[:MOST]}
    return [run for run in drawn if id(run.row) in wanted]


def edges(norms: np.ndarray) -> tuple[np.ndarray, bool]:
    """Edges of the bins, float64 [BINS + 1], and whether they are logarithmic: where norms above 0 span over 30-fold.

    Logarithmic bins reach down to a millionth of the largest norm; the first takes all that is smaller, zeros too.
    """
    positive = norms[norms > 0]
    if not len(positive):
        return np.linspace(0.0, 1.0, BINS + 1), False
    low, high = np.percentile(positive, 1), positive.max()
    if high <= 30 * low:
        return np.linspace(0.0, 1.02 * high, BINS + 1), False
    floor = max(positive.min(), 1e-6 * high) / (2.0 if len(positive) < len(norms) else 1.02)
    return np.geomspace(floor, 1.02 * high, BINS + 1), True


def _panel(axes: Axes, run: Run, norms: Norms) -> None:
    bins, logarithmic = edges(norms.norms)
    clipped = np.maximum(norms.norms, bins[0])
    for part, colour, label in ((~norms.kept, CUT, "cut"), (norms.kept, KEPT, "survive")):
        axes.hist(clipped[part], bins=bins.tolist(), color=colour, alpha=0.8, label=label, histtype="stepfilled")
    axes.set_xscale("log" if logarithmic else "linear")
    zeros = int((norms.norms == 0).sum())
    told = f"{int(norms.kept.sum()):,} of {len(norms.kept):,} nodes survive"
    told += f"; {zeros:,} are exactly 0" if zeros else ""
    axes.set_title(str(run.row["run"]), fontsize=10, loc="left", pad=18)
    text = axes.text(0, 1.03, told, transform=axes.transAxes, fontsize=8.5, color="#666666")
    text.set_in_layout(False)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8.5)


def _log_counts(all_axes: Sequence[Axes], runs: Sequence[Run]) -> bool:
    """Counts become logarithmic, in all panels alike, where one bin would flatten the rest of its panel."""
    for run in runs:
        assert run.norms is not None
        counts = np.histogram(np.maximum(run.norms.norms, 0), edges(run.norms.norms)[0])[0]
        if counts.max() > 25 * max(1.0, float(np.median(counts[counts > 0]) if counts.any() else 1)):
            for axes in all_axes:
                axes.set_yscale("log")
                axes.set_ylim(bottom=0.7)
            return True
    return False


def norms_plot(runs: Sequence[Run], title: str) -> Figure:
    """One histogram for each run that `choose` picks, survivors and cut nodes in two colours; layers pooled."""
    shown = choose(runs)
    columns = 2 if len(shown) == 4 else min(3, max(1, len(shown)))
    lines = -(-max(1, len(shown)) // columns)
    figure = Figure(figsize=(max(6.5, 4.0 * columns), 1.3 + 2.6 * lines), layout="constrained")
    figure.suptitle(f"{title}: node norms before the cut", fontsize=13, x=0.01, ha="left", color="#333333")
    if not shown:
        figure.text(0.5, 0.5, "no run has kept its node norms", ha="center", va="center", fontsize=12)
        return figure
    grid = figure.subplots(lines, columns, squeeze=False)
    flat = list(grid.flat)
    for axes, run in zip(flat, shown, strict=False):
        assert run.norms is not None
        _panel(axes, run, run.norms)
    for axes in flat[len(shown) :]:
        axes.set_axis_off()
    logarithmic = _log_counts(flat[: len(shown)], shown)
    figure.supylabel(f"nodes{' (logarithmic)' if logarithmic else ''}", fontsize=10)
    left_out = sum(run.norms is not None for run in runs) - len(shown)
    figure.supxlabel("norm of the node" + (f" ({left_out} more runs not drawn)" if left_out else ""), fontsize=10)
    handles, labels = flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="upper right", ncols=2, frameon=False, fontsize=10)
    return figure
