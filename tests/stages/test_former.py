"""Runs whose labels and features have been made anew with another seed, beside runs of now."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from asr_prune.cli.main import main

pytestmark = pytest.mark.trains

RUNS = "runs=[{name: NAME, prune: {method: none}}, {name: NAME-half, prune: {method: magnitude, keep: 0.5}}]"


def run_all(run_stages: Callable[..., None], name: str, seed: int) -> None:
    run_stages("--recipe", "recipes/tiny", "--set", f"seed={seed}", "--set", RUNS.replace("NAME", name))


def report() -> tuple[dict[str, bool], set[str], str]:
    """By run whether it is a former one; the runs that are compared; the table."""
    folder = Path("exp/tiny/report")
    rows = json.loads((folder / "results.json").read_text())
    compared = json.loads((folder / "comparison.json").read_text())["sets"]
    table = Path("exp/tiny/report/table.txt").read_text()
    return (
        {row["run"]: row.get("former", False) for row in rows},
        {run for own in compared for run in own["runs"]},
        table,
    )


def test_former_runs_are_marked_and_compared_with_none(
    tones: Path, run_stages: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    run_all(run_stages, "first", 1)
    assert "(*)" not in report()[2]
    run_all(run_stages, "second", 2)
    former, compared, table = report()
    assert former == {"first": True, "first-half": True, "second-s2": False, "second-half-s2": False}
    assert compared == {"second-s2", "second-half-s2"}
    assert "magnitude (*)" in table
    assert "(*): the labels, features, graph or transcripts of the run have been made anew" in table
    capsys.readouterr()
    assert main(["list", "exp/tiny"]) == 0
    assert capsys.readouterr().out.count("(*)") == 3
    said = "first, first-half: of labels, features or transcripts that have been made anew since"
    for command in (["compare", "exp/tiny"], ["results", "--recipe", "recipes/tiny"]):
        assert main(command) == 0
        assert said in capsys.readouterr().out
    page = Path("recipes/tiny/RESULTS.md").read_text()
    assert "second-half" in page
    assert "first" not in page
    # the same seed makes the same files: now the others are former runs
    run_all(run_stages, "first", 1)
    former, compared, _ = report()
    assert [name for name, is_former in former.items() if is_former] == ["second-half-s2", "second-s2"]
    assert compared == {"first", "first-half"}


def test_the_page_of_the_report_is_copied_if_it_is_of_now(
    tones: Path, run_stages: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    run_all(run_stages, "first", 1)
    given = ["--recipe", "recipes/tiny", "--page"]
    assert main(["results", *given]) == 0
    page, copy = Path("exp/tiny/report/index.html"), Path("recipes/tiny/results.html")
    assert copy.read_bytes() == page.read_bytes()
    shutil.rmtree("exp/tiny/runs/first-half")
    copy.unlink()
    assert main(["results", *given]) == 1
    told = capsys.readouterr().err
    assert "exp/tiny/report/index.html is not up to date (changed: " in told
    assert told.endswith("make it again first: asr-prune report --recipe recipes/tiny\n")
    assert not copy.exists()
