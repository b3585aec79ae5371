"""Names of runs above pictures end before the next picture begins."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from asr_prune.report.matrices_plot import Panel, matrices_plot
from asr_prune.report.norms_plot import norms_plot
from asr_prune.report.runs import FinishedRun, Norms, Weights
from asr_prune.report.weights_plot import weights_plot

from .conftest import invented

NAMES = [f"group_lasso-keep0.125-vectors-incoming-hidden-4x256-dropout-0.1-s{n}" for n in range(3)]


def norms() -> Figure:
    values = np.linspace(0.5, 2, 64)
    return norms_plot([FinishedRun(invented(name, "l2", 32, 9.0), Norms(values, values > 1)) for name in NAMES], "an4")


def matrices() -> Figure:
    return matrices_plot([Panel(name, [np.eye(8, dtype=np.float32)] * 2) for name in NAMES], "an4")


def weights() -> Figure:
    counts = {phase: np.arange(5) for phase in ("1 dense", "2 sparse", "3 re-dense")}
    held = Weights(np.linspace(-1, 1, 6), counts)
    return weights_plot([FinishedRun(invented(name, "dsd", 64, 9.0), None, held) for name in NAMES], "an4")


@pytest.mark.parametrize("draw", [norms, matrices, weights])
def test_titles_do_not_overlap(draw: object) -> None:
    assert callable(draw)
    figure = draw()
    FigureCanvasAgg(figure).draw()
    titles = [getattr(axes, "_left_title") for axes in figure.axes if axes.get_title("left")]  # noqa: B009
    boxes = [title.get_window_extent() for title in titles]
    assert len(boxes) >= 3
    assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))
    assert all(box.x1 <= figure.bbox.x1 for box in boxes)
