"""The terminal table: aligned, within its width, whatever a row lacks."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr_prune.report.cells import COLUMNS, layers, three_digits
from asr_prune.report.results import Result
from asr_prune.report.table import shared_end, shorten, table

from .conftest import invented

ROWS = [
    invented("dense", "none", 1024, 10.7412),
    invented(
        "group_lasso-outgoing-keep0.25-fine-tuned-and-more",
        "group_lasso",
        256,
        11.77,
        keep_asked=0.25,
        converged=False,
        nodes_per_layer=[101, 70, 50, 35],
        norm_mass_removed=0.124,
        dev_ce_before_cut=1.234,
        dev_ce_after_cut=1.301,
    ),
    invented("half-way", "l2", None, None, strength=3e-4, params=None, dev_ce_final=None, train_seconds=None),
]


def test_reads_as_it_should() -> None:
    lines = table(ROWS).splitlines()
    text = "dense none - 1024 4x256 300k 298k 298k 10.74 10.74 [ 8.7, 12.7] 10.74 1.20 - - 61"
    assert " ".join(lines[3].split()) == text
    for part in ("101/70/50/35", "0.25", "11.77 [ 9.8, 13.8]", "1.23/1.30/1.20", " 12%", "NO"):
        assert part in lines[4]
    assert "s=0.0003" in lines[5]
    assert table([invented("map", "map", 1024, 10.0, sparsity_asked=0.8)]).splitlines()[3].split()[2] == "z=0.8"


@pytest.mark.parametrize("width", [120, 140])
def test_fits_and_is_aligned(width: int) -> None:
    lines = table(ROWS, width).splitlines()
    assert max(map(len, lines)) <= width
    assert lines[3].index("10.74 [") == lines[4].index("11.77 [")
    assert lines[4].startswith("gro")
    assert ".." in lines[4].split()[0]


@pytest.mark.parametrize("marks", [{}, {"former": True}, {"former": True, "teachers": ["dense"]}])
def test_a_method_can_be_read_with_its_marks(marks: dict[str, object]) -> None:
    more = {"keep_asked": 0.25, "dev_ce_before_cut": 1.234, "dev_ce_after_cut": 1.301, "norm_mass_removed": 0.02}
    rows = [invented(f"group_lasso-keep0.25-s{n}", "group_lasso", 256, 11.77, **more, **marks) for n in (1, 2)]
    lines = table([ROWS[0], *rows, replace(ROWS[1], former=True)], 140).splitlines()
    assert max(map(len, lines)) <= 140
    end = f"{' +T' if 'teachers' in marks else ''}{' (*)' if marks else ''}"
    assert [f"group_lasso{end} " in line for line in lines[4:6]] == [True, True]
    assert len({line.split()[0] for line in lines[4:6]}) == 2


def test_marks_stay_whole_where_a_name_is_cut() -> None:
    row = invented("a-very-long-name-of-a-run-that-is-cut", "group_lasso", 256, 11.77, former=True)
    line = table([replace(row, nodes_per_layer=[101, 70, 50, 35]), ROWS[1]], 122).splitlines()[3]
    assert " (*) " in line
    assert line.split()[1].startswith("g")


@given(st.text("abcdef", max_size=30), st.integers(6, 40))
def test_shorten_keeps_both_ends(name: str, width: int) -> None:
    short = shorten(name, width)
    assert len(short) <= width
    assert short == name if len(name) <= width else (short[0], short[-1]) == (name[0], name[-1])


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "-"), (0, "0"), (9999, "9999"), (12_345, "12.3k"), (99_960, "100k"), (1_234_567, "1.23M"), (45e9, "45.0G")],
)
def test_three_digits(value: float | None, text: str) -> None:
    assert three_digits(value) == text


@pytest.mark.parametrize(("widths", "text"), [([512] * 4, "4x512"), ([3, 2], "3/2"), ([7], "7"), (None, "-")])
def test_layers(widths: list[int] | None, text: str) -> None:
    assert layers(Result.from_dict({"run": "r", "method": "m", "nodes_per_layer": widths})) == text


def test_every_column_of_an_empty_row_is_a_dash_or_its_name() -> None:
    row = Result.from_dict({"run": "r", "method": "m"})
    assert [column.cell(row) for column in COLUMNS] == ["r", "m", *["-"] * (len(COLUMNS) - 2)]


def test_what_all_names_end_in_is_stated_once() -> None:
    assert shared_end(["dense-hidden-4x256", "l2-keep0.5-hidden-4x256"]) == "-hidden-4x256"
    assert shared_end(["dense", "dense-s2"]) == shared_end(["dense-s2"]) == ""
    assert shared_end(["a-s2", "a-s2"]) == "-s2"
    text = table([invented("dense-s2", "none", 8, 1.0), invented("l2-keep0.5-s2", "l2", 4, 2.0)])
    assert text.splitlines()[4].startswith("l2-keep0.5 ")
    assert "All names of runs end in -s2." in text


@pytest.mark.parametrize(
    ("asked", "number"),
    [
        ({"keep_asked": 0.25}, 0.25),
        ({"budget_asked": "params 0.2"}, 0.2),
        ({"budget_asked": "bytes 200k"}, 200_000.0),
        ({"budget_asked": "macs 1.5e+06"}, 1_500_000.0),
        ({}, None),
    ],
)
def test_targets_are_sorted_by_their_number(asked: dict[str, object], number: float | None) -> None:
    (column,) = (column for column in COLUMNS if column.title == "target")
    assert column.value
    assert column.value(invented("a", "l2", 512, 9.0, **asked)) == number
