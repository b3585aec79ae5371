"""The picture of weights: which runs it shows, what it says of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from asr_prune.acoustic.checkpoint import Model, save_model
from asr_prune.acoustic.feed_forward import FeedForward
from asr_prune.report.matrices_plot import Panel, format_zeros, matrices_plot, read_panels
from asr_prune.report.results import Result


def save(exp: Path, run: str, method: str, nodes: int) -> Result:
    torch.manual_seed(1)
    network = FeedForward(3, (6, 5, 4, 4), 2)
    save_model(exp / "runs" / run / "model/before_cut.pt", Model(network, torch.zeros(2), (0, 0), [], {}))
    return Result.from_dict({"run": run, "method": method, "nodes": nodes})


def networks(exp: Path, rows: list[Result]) -> dict[str, Path]:
    return {row.run: exp / "runs" / row.run / "model/before_cut.pt" for row in rows}


def test_the_smallest_run_of_each_method_in_order(tmp_path: Path) -> None:
    rows = [save(tmp_path, f"{method}{n}", method, n) for method in ("guided", "none", "l2", "l1") for n in (9, 4)]
    panels = read_panels(networks(tmp_path, rows), rows)
    assert [panel.run for panel in panels] == ["l14", "l24", "guided4"]
    assert [matrix.shape for matrix in panels[0].matrices] == [(5, 6), (4, 5), (4, 4)]
    assert all((matrix >= 0).all() for matrix in panels[0].matrices)


def test_nothing_is_shown_without_a_method_that_makes_zeros(tmp_path: Path) -> None:
    rows = [
        save(tmp_path, "a", "l2", 4),
        save(tmp_path, "b", "none", 4),
        Result.from_dict({"run": "gone", "method": "guided", "nodes": 3}),
    ]
    assert read_panels(networks(tmp_path, rows), rows) == []


def test_zeros_and_empty_columns_are_counted() -> None:
    matrix = np.ones((4, 5))
    matrix[:, 1] = matrix[0, :] = 0
    assert format_zeros(matrix) == "40 % zeros; 1 of 5 columns all 0"


@pytest.mark.parametrize("lines", [(1,), (3, 2)])
def test_a_picture_for_each_matrix(lines: tuple[int, ...]) -> None:
    panels = [Panel(f"run{n}", [np.eye(8, dtype=np.float32)] * n) for n in lines]
    figure = matrices_plot(panels, "demo")
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert sum("88 % zeros; 0 of 8 columns all 0" in title for title in titles) == sum(lines)
    assert [title.split("\n")[0] for title in titles if title.startswith("run")] == [f"run{n}" for n in lines]


def test_a_network_of_zeros_is_drawn() -> None:
    matrices_plot([Panel("dead", [np.zeros((3, 3))])], "demo").canvas.draw()
