"""Runs grouped into sets, compared, and shown; from folders as the score stage leaves them."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from asr_prune.errors import UserError
from asr_prune.report.further import Further
from asr_prune.report.sets import by_seed, compare_all, compared, read_run, runs_in, usual_reference
from asr_prune.report.sets_page import sets_section
from asr_prune.report.sets_table import format_sets, probability, set_legend, sets_as_json
from asr_prune.report.write import write_report
from asr_prune.run_dir import RunDir

from .conftest import run_files
from .of_sets import scored, trained


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_runs_that_differ_in_their_seed_alone_are_a_set() -> None:
    trained()
    scored("dense-s4", 0.1, 4, epochs=9)
    scored("dense-s5", 0.1, 5, epochs=9)
    teachers = [
        scored(f"good-t{end}", 0.1, seed, "l1", teachers=[f"dense{end}"]) for seed, end in ((1, ""), (2, "-s2"))
    ]
    runs = [read_run(run, "test") for run in runs_in(Path("exp/x"))]
    groups = {name: [run.result.seed for run in each] for name, each in by_seed(runs).items()}
    assert groups == {
        "dense": [1, 2, 3],
        "dense-s4": [4, 5],
        "good": [1, 2, 3],
        "good-t": [1, 2],
        "bad": [1, 2, 3],
    }
    asked = teachers[0].recipe.read_text()
    assert "teacher:\n  - dense\n" in asked
    teachers[0].recipe.write_text(asked.replace("teacher:\n  - dense\n", "teacher: dense\n"))  # as a sweep names it
    assert list(by_seed([read_run(run, "test") for run in teachers])) == ["good-t"]
    for run in teachers:
        run.recipe.unlink()  # as pooled runs are: by name
    assert [run.result.seed for run in by_seed([read_run(run, "test") for run in teachers])["good-t"]] == [1, 2]


def test_the_runs_of_a_set_are_in_the_order_of_their_seeds() -> None:
    for seed in (10, 2, 1):
        scored("dense" if seed == 1 else f"dense-s{seed}", 0.1, seed)
    runs = [read_run(run, "test") for run in runs_in(Path("exp/x"))]
    assert [run.result.seed for run in by_seed(runs)["dense"]] == [1, 2, 10]


def test_sets_of_two_experiments_are_kept_apart() -> None:
    runs = [scored("dense", 0.1, exp="x"), scored("dense", 0.1, exp="y")]
    groups = by_seed([read_run(run, "test") for run in runs])
    assert list(groups) == ["exp/x/runs/dense", "exp/y/runs/dense"]


def test_all_runs_of_an_experiment() -> None:
    trained()
    output = compare_all([RunDir(path) for path in sorted(Path("exp/x/runs").iterdir())], 300, 0)
    assert output
    assert [row.runs.name for row in output.rows] == ["dense", "good", "bad"]
    assert [row.letters for row in output.rows] == ["a", "a", "b"]
    assert [row.told_apart for row in output.rows] == [False, False, True]
    assert (output.speakers, output.words, output.left_out, output.nodes(1)) == (6, 384, [], 256)
    text = format_sets(output)
    assert "beside dense: 6 speakers, 384 words" in text
    assert [line.split()[:3] for line in text.splitlines()[4:7]] == [
        ["dense", "3", "512"], ["good", "3", "256"], ["bad", "3", "256"],
    ]  # fmt: skip
    assert "one run in a set" not in text
    page = "\n".join(sets_section(output))
    assert '<td class="left">bad</td>' in page
    assert page.count("<tr>") == 4
    stored = sets_as_json(output)
    assert stored["reference"] == "dense"
    assert [each["runs"] for each in stored["sets"]][1] == ["good", "good-s2", "good-s3"]
    json.dumps(stored, allow_nan=False)


def test_what_cannot_be_compared_is_left_out_and_listed() -> None:
    scored("dense", 0.1)
    scored("half", 0.1, method="l1")
    scored("other", 0.1, method="l2", score={"normalise": ["upper"]})
    broken = scored("broken", 0.1, method="map")
    broken.score("test").with_suffix(".utts.tsv").write_text("x\n")
    Path("exp/x/runs/unfinished").mkdir()
    folders = [RunDir(path) for path in sorted(Path("exp/x/runs").iterdir())]
    output = compare_all(folders, 100, 0)
    assert output
    assert [row.runs.name for row in output.rows] == ["dense", "half"]
    broken_line, other_line = output.left_out
    assert "broken: exp/x/runs/broken/score_test.utts.tsv is damaged" in broken_line
    assert "other: " in other_line
    assert "different score.normalise" in other_line
    text = format_sets(output)
    assert "left out: broken: " in text
    assert "* one run in a set" in text
    assert compare_all(folders[1:2], 100, 0) is None
    assert (sets_section(None), sets_as_json(None)["sets"]) == ([], [])
    page = "".join(sets_section(output))  # carries its figures, since a copy has no files beside it
    assert json.loads(unescape(re.findall(r"id=\"comparison.json\">(.*?)</span>", page, re.DOTALL)[0])) == sets_as_json(
        output
    )


def test_the_reference_is_dense_without_a_teacher() -> None:
    scored("a-taught", 0.1, teachers=["b"])
    scored("z-dense", 0.1)
    groups = by_seed([read_run(run, "test") for run in runs_in(Path("exp/x"))])
    assert usual_reference(groups) == "z-dense"
    scored("pruned", 0.1, method="l1", exp="y")
    assert usual_reference(by_seed([read_run(run, "test") for run in runs_in(Path("exp/y"))])) == "pruned"


def test_sets_of_different_tests_are_refused() -> None:
    runs = [scored("dense", 0.1), scored("half", 0.1, method="l1", score={"normalise": ["upper"]})]
    groups = by_seed([read_run(run, "test") for run in runs])
    with pytest.raises(UserError, match=r"different score\.normalise"):
        compared(groups, "dense", 100, 0)


def test_probabilities_in_six_characters() -> None:
    assert [probability(p) for p in (None, 0.00001, 0.0123456, 0.25, 1.0)] == [
        "-",
        "<.0001",
        "0.0123",
        "0.25",
        "1.00",
    ]


def test_the_terminal_shows_sets_once_one_has_two_runs(tmp_path: Path, make_run: Any) -> None:
    """Of single runs there is little to say; the page says it."""
    make_run("dense", "none", 1024, 10.0)
    exp = tmp_path / "demo"
    runs = [
        scored(name, 0.1, seed, method)
        for name, seed, method in (("dense", 1, "none"), ("half", 1, "l1"), ("half-s2", 2, "l1"))
    ]
    for count, shown in ((2, False), (3, True)):
        further = Further(comparison=compare_all(runs[:count], 100, 0))
        text = write_report(run_files(exp), exp / "report", "demo", further=further)
        assert ("beside dense: 6 speakers" in text) == shown
        assert "beside dense: 6 speakers" in (exp / "report/index.html").read_text()


def test_teachers_of_another_seed_that_all_runs_have_do_not_part_a_set() -> None:
    for seed, end in ((1, ""), (2, "-s2"), (3, "-s3")):
        scored(f"all{end}", 0.1, seed, "l1", teachers=["exp/x/runs/part", "exp/x/runs/part-s2"])
        scored(f"own{end}", 0.1, seed, "l1", teachers=[f"dense{end}"])
    groups = by_seed([read_run(run, "test") for run in runs_in(Path("exp/x"))])
    assert {name: [run.result.seed for run in each] for name, each in groups.items()} == {
        "all": [1, 2, 3],
        "own": [1, 2, 3],
    }
    legend = " ".join(set_legend(compared(groups, "all", 100, 0)))
    assert "Teachers differ: part and 1 more; dense. A difference of two such sets is one of their teachers" in legend
    scored("more", 0.2, 2, "l2", teachers=["exp/x/runs/part", "exp/x/runs/part-s2"])
    alike = [read_run(run, "test") for run in runs_in(Path("exp/x")) if not run.name.startswith("own")]
    assert "Teachers" not in " ".join(set_legend(compared(by_seed(alike), "all", 100, 0)))
