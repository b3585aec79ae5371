"""Magnitudes of weights of several methods side by side: scattered zeros against whole nodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from asr_prune.pruning.options import PruneOptions
from asr_prune.pruning.registry import find_options
from asr_prune.report.results import Result, finite
from asr_prune.report.table import over_picture

#: matrices shown of a run
_MATRICES = 3
#: magnitudes below this fraction of the picture's largest look alike
_DEPTH = 1e-3


@dataclass(frozen=True)
class Panel:
    """run: its name; matrices: |W_l| just before the cut, l = 2, 3 ..., float32 [nodes of l, nodes
    of l - 1].
    """

    run: str
    matrices: list[np.ndarray]


def read_panels(networks: Mapping[str, Path], rows: Sequence[Result]) -> list[Panel]:
    """The smallest run of each method that has a panel, in the order of the panels.

    Empty unless a method with exact zeros is among them. networks: by run, the file of its network
    just before the cut.
    """
    methods = {row.method: _description(row.method) for row in rows if networks[row.run].is_file()}
    panels = sorted((d.PANEL, name) for name, d in methods.items() if d and d.PANEL is not None)
    if not any(d.ZEROS for d in methods.values() if d):
        return []
    groups = [[row for row in rows if row.method == name and networks[row.run].is_file()] for _, name in panels]
    smallest = [min(group, key=lambda row: finite(row.nodes) or 0) for group in groups]
    return [Panel(row.run, _magnitudes(networks[row.run])) for row in smallest]


def _description(method: str) -> type[PruneOptions] | None:
    """The options of a method; None if it is not installed here."""
    try:
        return find_options(method)
    except ValueError:
        return None


def _magnitudes(path: Path) -> list[np.ndarray]:
    from asr_prune.acoustic.checkpoint import load_model
    from asr_prune.acoustic.node_layer import by_columns

    layers = load_model(path).network.node_layers()[:_MATRICES]
    return [by_columns(layer.outgoing.weight.detach()).abs().float().numpy() for layer in layers]


def format_zeros(matrix: np.ndarray) -> str:
    """The percentage of exact zeros in a matrix, and how many of its columns are all zero."""
    zeros = matrix == 0
    columns = int(zeros.all(0).sum())
    return f"{100 * zeros.mean():.0f} % zeros; {columns} of {matrix.shape[1]} columns all 0"


def _draw(axes: Axes, matrix: np.ndarray, most: float) -> object:
    shown = np.ma.masked_equal(matrix, 0.0)
    image = axes.imshow(
        np.ma.maximum(shown, _DEPTH * most),
        norm=LogNorm(_DEPTH * most, most),
        cmap="viridis",
        aspect="auto",
        interpolation="nearest",
    )
    axes.set_facecolor("white")
    axes.set_xticks([0, matrix.shape[1] - 1])
    axes.set_yticks([0, matrix.shape[0] - 1])
    axes.tick_params(labelsize=8)
    return image


def matrices_plot(panels: Sequence[Panel], title: str) -> Figure:
    """A column of pictures per run, a row per matrix; white is exactly 0. Columns of a matrix are
    nodes.
    """
    lines = max(len(panel.matrices) for panel in panels)
    figure = Figure(figsize=(max(6.5, 1.2 + 4.0 * len(panels)), 1.2 + 2.9 * lines), layout="constrained")
    figure.suptitle(f"{title}: weights before the cut", fontsize=13, x=0.01, ha="left", color="#333333")
    grid = figure.subplots(lines, len(panels), squeeze=False)
    most = max(float(matrix.max()) for panel in panels for matrix in panel.matrices) or 1.0
    image = None
    for column, panel in enumerate(panels):
        for line in range(lines):
            if line < len(panel.matrices):
                image = _draw(grid[line][column], panel.matrices[line], most)
                name = f"{over_picture(panel.run)}\n" if line == 0 else ""
                grid[line][column].set_title(f"{name}{format_zeros(panel.matrices[line])}", fontsize=9, loc="left")
            else:
                grid[line][column].set_axis_off()
    for line in range(lines):
        grid[line][0].set_ylabel(f"to node of layer {line + 2}", fontsize=9)
    figure.supxlabel("from node of the layer before; white: exactly 0", fontsize=10)
    figure.colorbar(image, ax=grid, label="|w|", shrink=0.8)  # type: ignore[arg-type]
    return figure
