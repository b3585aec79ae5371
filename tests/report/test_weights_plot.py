"""Histograms of weights in the report."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from asr_prune.report.runs import FinishedRun, Weights, read_runs
from asr_prune.report.weights_plot import MOST_RUNS, weights_plot
from asr_prune.report.write import write_report

from .conftest import invented, run_files

PHASES = ("1 dense", "2 sparse", "3 re-dense")


def test_a_panel_for_each_phase_of_each_run() -> None:
    weights = Weights(np.linspace(-1, 1, 6), {phase: np.arange(5) for phase in PHASES})
    runs = [FinishedRun(invented(f"dsd{i}", "dsd", 1024, 10.0), None, weights) for i in range(MOST_RUNS + 2)]
    runs.append(FinishedRun(invented("dense", "none", 1024, 10.0), None))
    figure = weights_plot(runs, "demo")
    titles = [axes.get_title("left") for axes in figure.axes]
    assert titles[:3] == ["dsd0\ndense", "dsd0\nsparse", "dsd0\nre-dense"]
    assert len(titles) == 3 * MOST_RUNS
    assert "2 more runs not drawn" in figure.get_supxlabel()


def test_the_report_has_the_picture_where_a_run_has_histograms(
    tmp_path: Path, make_run: Callable[..., dict[str, Any]]
) -> None:
    make_run("dsd", "dsd", 1024, 10.0, norms=256)
    make_run("bad", "dsd", 1024, 10.0, norms=256)
    layers = np.arange(10).reshape(2, 5)
    runs = tmp_path / "demo/runs"
    np.savez(runs / "dsd/weights.npz", edges=np.linspace(-1, 1, 6), **dict.fromkeys(PHASES, layers))
    (runs / "bad/weights.npz").write_bytes(b"PK no archive")
    result, skipped = read_runs(run_files(tmp_path / "demo"))
    assert [run.weights is not None for run in result] == [False, True]
    assert result[1].weights is not None
    assert result[1].weights.counts["2 sparse"].tolist() == [5, 7, 9, 11, 13]
    assert "bad: weights.npz is damaged" in skipped[0]
    write_report(run_files(tmp_path / "demo"), tmp_path / "demo/report", "demo")
    assert (tmp_path / "demo/report/weights.png").stat().st_size > 1000
    assert "<h2>Weights</h2>" in (tmp_path / "demo/report/index.html").read_text()
