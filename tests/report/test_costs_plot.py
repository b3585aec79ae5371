"""What the picture of all measures of size holds, read back from matplotlib's objects."""

from __future__ import annotations

from dataclasses import replace

import pytest

from asr_prune.report.cells import columns, legend
from asr_prune.report.costs_plot import ERRORS, SIZES, costs_plot
from asr_prune.report.page import summary
from asr_prune.report.results import Result

from .conftest import invented

FIRST = SIZES["nodes"], ERRORS["wer_test"]
DENSE = invented("dense", "none", 1024, 10.0)


def of(run: str, nodes: int, params: int, wer: float | None, **more: object) -> Result:
    row = invented(run, "l2", nodes, wer or 0.0, keep_asked=nodes / 1024, **more)  # type: ignore[arg-type]
    return replace(row, params=params, macs_per_frame=params - 100, wer_test=wer, dev_ce_final=params / 1e5)  # type: ignore[arg-type]


ROWS = [
    DENSE,
    of("a", 512, 200_000, 11.0),
    of("b", 256, 90_000, 14.0),
    of("c", 256, 40_000, 15.0, variant="thin"),
]


def test_every_error_stands_against_every_size() -> None:
    figure = costs_plot(ROWS, "demo")
    panels = [(axes.get_xlabel(), axes.get_ylabel()) for axes in figure.axes]
    assert panels == [(size, error) for error in ERRORS.values() for size in SIZES.values()]
    lines = {tuple(line.get_xdata()): tuple(line.get_ydata()) for axes in figure.axes for line in axes.lines}
    assert lines[90_000, 200_000] == (0.9, 2.0)
    assert lines[(39_900,)] == (0.4,)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "dense",
        "l2 (default)",
        "l2 (thin)",
    ]


def test_the_dashed_lines_are_those_of_the_dense_networks_that_others_are_compared_with() -> None:
    small = replace(DENSE, run="small", nodes=128, nodes_dense=128, params=9000, wer_test=30.0)
    figure = costs_plot([*ROWS, small, replace(DENSE, run="taught", teachers=("dense",), wer_test=8.0)], "demo")
    (axes,) = (axes for axes in figure.axes if (axes.get_xlabel(), axes.get_ylabel()) == FIRST)
    assert {tuple(line.get_ydata()) for line in axes.lines if list(line.get_xdata()) == [0, 1]} == {
        (10, 10),
        (30, 30),
        (8, 8),
    }
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names[:2] == ["dense", "dense, teacher dense"]
    stars = {line.get_marker(): set(line.get_ydata()) for line in axes.lines if line.get_linestyle() == "None"}
    assert (stars["*"], stars["p"]) == ({10, 30}, {8})


@pytest.mark.parametrize(
    "variant", ["", "type tdnn", "type tdnnf, dropout 0.1, left_context 2, right_context 2, batch 500"]
)
def test_the_legend_is_within_the_picture(variant: str) -> None:
    rows = [
        of("dense", 100, 1000, 9.0),
        *(of(f"g{i}", 10 * i, 100 * i, 9.0 + i, variant=f"{variant} {i}") for i in range(1, 8)),
    ]
    figure = costs_plot(rows, "x")
    figure.draw_without_rendering()
    (legend,) = figure.legends
    extent = legend.get_window_extent()
    assert extent.x0 >= 0
    assert extent.x1 <= figure.bbox.x1


def test_a_silent_test_set_leaves_cross_entropies() -> None:
    rows = [replace(row, wer_test=None) for row in ROWS]  # type: ignore[arg-type]
    assert {axes.get_ylabel() for axes in costs_plot(rows, "demo").axes} == {ERRORS["dev_ce_final"]}


@pytest.mark.parametrize("missing", ["params", "dev_ce_final"])
def test_a_figure_that_a_row_lacks_leaves_out_its_points_alone(missing: str) -> None:
    figure = costs_plot([*ROWS, replace(of("d", 100, 1, 20.0), **{missing: None})], "demo")
    points = [tuple(line.get_xdata()) for axes in figure.axes for line in axes.lines if line.get_linestyle() == "None"]
    assert (100,) in points


def test_no_run_with_an_error_is_said() -> None:
    row = replace(DENSE, wer_test=None, dev_ce_final=None)  # type: ignore[arg-type]
    assert any("no run has" in axes.get_title() for axes in costs_plot([row], "demo").axes)


def test_the_table_has_columns_for_ends_that_were_pruned_alone() -> None:
    plain = [DENSE, ROWS[1]]
    thin = replace(ROWS[2], inputs=110, output_rank=32)
    heads = [" ".join(column.head) for column in columns([*plain, thin])]
    assert heads[4:8] == [" per layer", "in- puts", "out rank", "para- ms"]
    assert [column.cell(thin) for column in columns([*plain, thin])][5:7] == ["110", "32"]
    assert "in- puts" not in [" ".join(column.head) for column in columns(plain)]
    assert not any("out rank" in line for line in legend(plain))
    assert any("out rank" in line for line in legend([thin]))


def test_the_smallest_by_parameters_is_named_if_it_is_another() -> None:
    row = replace(DENSE, wer_test_high=20.0)
    assert summary([row, *ROWS[1:3]]).endswith("b: 256 nodes (25 %) at 14.00 %.")
    assert summary([row, *ROWS[1:]]).endswith("By parameters it is c: 40,000 at 15.00 %.")
