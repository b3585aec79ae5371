"""What the picture holds, read back from matplotlib's objects."""

from __future__ import annotations

import io

import pytest

from asr_prune.report.results import Result
from asr_prune.report.runs import FinishedRun, NestedWidth
from asr_prune.report.wer_plot import ceiling, tick_fractions, wer_plot

from .conftest import invented

DENSE = invented("dense", "none", 1024, 10.0)
METHODS = ["complexity", "dsd", "group_lasso", "guided", "l1", "l2", "magnitude", "map"]


def many() -> list[Result]:
    return [
        DENSE,
        *(
            invented(f"{method}-{nodes}", method, nodes, 10 + 300 * (1 + place / 8) / nodes, keep_asked=nodes / 1024)
            for place, method in enumerate(METHODS)
            for nodes in (768, 512, 256, 128, 64)
        ),
    ]


@pytest.mark.parametrize("rows", [[DENSE], [DENSE, invented("a", "l2", 512, 11.0)], many()], ids=["one", "two", "many"])
def test_legend_reference_line_and_file(rows: list[Result]) -> None:
    figure = wer_plot(rows, "demo")
    axes = figure.axes[0]
    legend = [text.get_text() for text in axes.get_legend().get_texts()]
    assert legend == ["dense, 1,024 nodes: 10.00 %", *sorted({row.method for row in rows} - {"none"})]
    assert any(line.get_linestyle() == "--" and set(line.get_ydata()) == {10.0} for line in axes.lines)
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=60)
    assert buffer.getvalue().startswith(b"\x89PNG")


def test_dense_networks_with_a_teacher_have_a_marker_and_a_line_of_their_own() -> None:
    taught = invented("taught", "none", 1024, 8.0, teachers=["dense"])
    axes = wer_plot([DENSE, taught, invented("a", "l2", 512, 9.0, teachers=["dense"])], "demo").axes[0]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [
        "dense, 1,024 nodes: 10.00 %",
        "dense, teacher dense, 1,024 nodes: 8.00 %",
        "l2 (teacher dense)",
    ]
    through = [line for line in axes.lines if list(line.get_xdata()) == [0, 1]]
    assert [list(line.get_ydata()) for line in through] == [[10, 10], [8, 8]]
    stars = [line.get_marker() for line in axes.lines if list(line.get_xdata()) == [1024]]
    assert stars == ["*", "p"]


def test_ticks_give_count_and_share() -> None:
    axes = wer_plot(many(), "demo").axes[0]
    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert labels[:3] == ["1,024\n100 %", "512\n50 %", "256\n25 %"]
    assert labels[-1] == "64\n6.25 %"
    assert tick_fractions(1.0)[-1] == 0.5
    assert tick_fractions(0.26) == [1.0, 0.5, 0.25]


def test_a_collapsed_network_does_not_flatten_the_rest() -> None:
    axes = wer_plot([*many(), invented("collapsed", "l2", 60, 96.0)], "demo").axes[0]
    assert axes.get_ylim()[1] < 40
    assert "96 %" in [text.get_text() for text in axes.texts]


def test_a_run_that_did_not_converge_is_hollow() -> None:
    axes = wer_plot([DENSE, invented("a", "l2", 512, 11.0, converged=False)], "demo").axes[0]
    assert any(line.get_markerfacecolor() == "white" and list(line.get_ydata()) == [11.0] for line in axes.lines)


def test_nothing_scored_yet_is_stated() -> None:
    figure = wer_plot([invented("a", "l2", 512, None)], "demo")
    assert "no run has a word error rate" in figure.axes[0].texts[0].get_text()


def test_no_interval_and_no_dense_run() -> None:
    axes = wer_plot([invented("a", "l2", 512, 11.0, wer_test_low=None, wer_test_high=None)], "demo").axes[0]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["l2"]


def nested(*points: tuple[int, float]) -> FinishedRun:
    rest = {"width": 1.0, "nodes_per_layer": None, "dev_ce": 1.0, "wer_dev": 9.0}
    rows = tuple(NestedWidth(nodes=n, wer_test=wer, wer_test_low=None, wer_test_high=None, **rest) for n, wer in points)
    return FinishedRun(invented("led", "guided", 256, 12.0), None, nested=rows)


def test_widths_of_one_run_are_a_dotted_line() -> None:
    rows = [DENSE, invented("led", "guided", 256, 12.0)]
    axes = wer_plot(rows, "demo", [nested((512, 11.0), (128, 12.5), (64, 90.0)), nested()]).axes[0]
    (line,) = (line for line in axes.lines if line.get_linestyle() == ":" and line.get_marker() == "x")
    assert [list(data) for data in line.get_data()] == [[128, 512], [12.5, 11.0]]
    assert line.get_label() == "led: first nodes, not retrained"
    assert axes.get_xlim()[0] < 128


@pytest.mark.parametrize(("wers", "top"), [([0.0, 0.0, 0.0, 1.5, 4.0], 4.24), ([0.0, 0.0], 1.0)])
def test_the_axis_reaches_the_errors_where_most_runs_have_none(wers: list[float], top: float) -> None:
    bare = {"wer_test_low": None, "wer_test_high": None}
    rows = [invented(f"r{i}", "l2" if i else "none", 900 - 99 * i, wer, **bare) for i, wer in enumerate(wers)]
    assert ceiling(rows) == pytest.approx(top)
    low, high = wer_plot(rows, "demo").axes[0].get_ylim()
    assert low < 0.1
    assert high >= top
