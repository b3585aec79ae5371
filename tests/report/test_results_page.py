"""RESULTS.md: what is written is read back, and committed pages hold commands that make their rows."""

from __future__ import annotations

import shlex
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr_prune.errors import UserError
from asr_prune.recipe.load import load_recipe
from asr_prune.report.results import Result
from asr_prune.report.results_page import PageRow, differences, read_results_page, results_page

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(ROOT.glob("recipes/**/RESULTS.md"))


def result(**given: Any) -> Result:
    usual = {
        "run": "a",
        "method": "l2",
        "seed": 1,
        "nodes": 256,
        "params": 1000,
        "wer_test": 5.0,
        "dev_ce_final": 1.0,
    }
    return Result.from_dict(usual | {"command": "asr-prune run --set 'runs=[{seed: 1}]'"} | given)


def page(**sets: list[Result]) -> str:
    return results_page("tiny", sets, {"a": "ab"}, {"corpus": "tones"})


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.parent.name)
def test_committed_pages_say_what_their_letters_are_corrected_for(path: Path) -> None:
    (said,) = (line for line in page(a=[result()]).splitlines() if line.startswith("Figures are medians"))
    assert "all pairs of rows corrected together (Holm)" in said
    assert said in path.read_text(encoding="utf-8").splitlines()


def rows(**sets: list[Result]) -> list[PageRow]:
    return read_results_page(page(**sets), "RESULTS.md")


@given(
    wers=st.lists(st.floats(0, 100) | st.none(), min_size=1, max_size=4),
    ces=st.lists(st.floats(0.1, 9), min_size=4, max_size=4),
    nodes=st.integers(1, 9999),
)
def test_what_is_written_is_read_back(wers: list[float | None], ces: list[float], nodes: int) -> None:
    made = [
        result(
            wer_test=wer,
            dev_ce_final=ce,
            nodes=nodes,
            seed=i,
            command=f"run --set 'runs=[{{seed: {i}}}]'",
        )
        for i, (wer, ce) in enumerate(zip(wers, ces, strict=False))
    ]
    (row,) = rows(a=made)
    assert row.seeds == tuple(range(len(made)))
    assert row.commands == ("run --set 'runs=[{seed: 0}]'",)
    assert row.nodes == str(nodes)
    assert (row.wer_test is None) == all(wer is None for wer in wers)
    assert differences([row], {"a": made}) == []


def test_medians_stand_before_ranges() -> None:
    made = [result(wer_test=wer, seed=i) for i, wer in enumerate((6.0, 4.0, 4.5))]
    line = next(line for line in page(a=made).splitlines() if line.startswith("| `a`"))
    assert "| 4.50 [4.00, 6.00] | 1.000 |" in line
    assert "| 256 | 1000 | - |" in line
    assert line.endswith("| - | ab |")
    assert rows(a=made)[0].wer_test == 4.5


@pytest.mark.parametrize(
    ("verdicts", "cell"),
    [((None, None), "-"), ((True, True), "yes"), ((False, False), "NO"), ((True, False, True), "NO: 1 of 3")],
)
def test_runs_that_have_not_converged_are_marked(verdicts: tuple[bool | None, ...], cell: str) -> None:
    made = [result(converged=verdict, seed=i) for i, verdict in enumerate(verdicts)]
    text = page(a=made)
    assert f"| {cell} | ab |" in text
    assert "Runs that have not converged (NO) were cut by magnitude" in text


def test_a_page_of_before_that_mark_is_read() -> None:
    text = page(a=[result()])
    for new, old in ((" conv. | alike |", " alike |"), (" - | ab |", " ab |"), ("| --- " * 11, "| --- " * 10)):
        assert new in text
        text = text.replace(new, old)
    assert read_results_page(text, "RESULTS.md") == rows(a=[result()])


def test_commands_that_differ_in_more_than_the_seed_are_all_there() -> None:
    commands = "asr-prune run --set seed=1", "asr-prune run --set seed=2 --set train.epochs=3"
    made = [result(command=command) for command in commands]
    assert rows(a=made)[0].commands == commands


@pytest.mark.parametrize(
    ("here", "said"),
    [
        ({"nodes": 255}, "255 nodes, and not 256"),
        (
            {"wer_test": 7.0, "wer_test_low": 6.0, "wer_test_high": 8.0},
            "from 6.00 to 8.00, and not 5.00",
        ),
        ({"dev_ce_final": 1.06}, "cross-entropy of dev 1.060, and not 1.000"),
    ],
)
def test_rows_that_came_out_otherwise_are_told(here: dict[str, Any], said: str) -> None:
    (row,) = rows(a=[result()])
    (told,) = differences([row], {"a": [result(**here)]})
    assert said in told
    assert differences([row], {"b": [result(**here)]}) == []


@pytest.mark.parametrize(("here", "same"), [(1005, True), (1009, True), (1016, True), (1017, False)])
def test_nodes_may_be_any_of_the_range(here: int, same: bool) -> None:
    """A seed of three is made here, of a strength that leaves what it leaves."""
    (row,) = rows(a=[result(nodes=nodes, seed=i) for i, nodes in enumerate((1005, 1010, 1016))])
    assert row.nodes == "1010 [1005, 1016]"
    assert (differences([row], {"a": [result(nodes=here)]}) == []) == same


def test_a_cross_entropy_that_rounds_to_nothing_is_compared() -> None:
    (row,) = rows(a=[result(dev_ce_final=0.0004)])
    assert row.ce_dev == 0
    assert differences([row], {"a": [result(dev_ce_final=0.0004)]}) == []
    assert differences([row], {"a": [result(dev_ce_final=0.01)]})


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("Written by", "By", "was not written by this version"),
        ("| 256 |", "|", "line 13 is not a row of results"),
        ("`a`:", "`b`:", "line 13: a has no command"),
        ("| 1 | 1 |", "| 2 | 1 |", "not as many seeds as runs"),
        ("| 1 | 1 |", "| 1 | x |", "not as many seeds as runs"),
        ("| 1 | 1 |", "| one | 1 |", "not as many seeds as runs"),
    ],
)
def test_an_edited_page_is_refused(old: str, new: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        read_results_page(page(a=[result()]).replace(old, new), "RESULTS.md")


@pytest.mark.parametrize("path", PAGES, ids=[str(path.relative_to(ROOT)) for path in PAGES])
def test_commands_of_committed_pages_make_their_rows(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for row in read_results_page(path.read_text(encoding="utf-8"), str(path)):
        made = {name for command in row.commands for name in _runs_of(command)}
        assert row.name in made, row.commands


def _runs_of(command: str) -> set[str]:
    """Names of the runs that a command makes, without their seeds."""
    words = shlex.split(command)
    sets = [value for flag, value in pairwise(words) if flag == "--set"]
    runs = load_recipe(ROOT / words[words.index("--recipe") + 1], sets).runs()
    return {run.name.removesuffix(f"-s{run.seed}") for run in runs}


@pytest.mark.parametrize("figure", ["5.00", "1.000"])
def test_a_figure_that_was_taken_off_the_page_differs(figure: str) -> None:
    (row,) = read_results_page(page(a=[result()]).replace(f" {figure} |", " - |"), "RESULTS.md")
    (told,) = differences([row], {"a": [result()]})
    assert "no figure on the page" in told
