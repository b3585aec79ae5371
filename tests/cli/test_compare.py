"""The verb compare, on folders as the score stage leaves them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from asr_prune.cli.main import main
from asr_prune.report.sets import compare_all, runs_in
from tests.report.of_sets import scored, trained
from tests.test_docs import ROOT, commands

Printed = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_labels_of_other_seeds_are_of_the_same_set_and_paired(capsys: Printed) -> None:
    for seed, exp in ((1, "x"), (2, "x/seeds/2"), (3, "x/seeds/3")):
        for name, rate, method in (("dense", 0.1, "none"), ("bad", 0.4, "l2")):
            scored(name if seed == 1 else f"{name}-s{seed}", rate, seed, method, exp)
    assert main(["compare", "exp/x", "exp/x/seeds/2", "exp/x/seeds/3", "--json"]) == 0
    dense, bad = json.loads(capsys.readouterr().out)["sets"]
    assert (dense["set"], dense["seeds"], bad["set"], bad["seeds"]) == (
        "dense",
        [1, 2, 3],
        "bad",
        [1, 2, 3],
    )
    assert bad["paired_by_labels"]


def test_runs_with_a_teacher_are_compared_apart_unless_they_are_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    trained()
    for seed in (1, 2):
        for name, method in (("dense-taught", "none"), ("good-taught", "l1")):
            scored(f"{name}{'' if seed == 1 else '-s2'}", 0.1, seed, method, teachers=["big"])
    comparison = compare_all(runs_in(Path("exp/x")), 100, 0)
    assert comparison is not None
    assert {row.runs.name for row in comparison.rows} == {"dense", "good", "bad"}
    said = "4 runs with a teacher, which are compared by asr-prune compare exp/x --taught"
    assert comparison.left_out == [said]
    assert main(["compare", "exp/x", "--samples", "100"]) == 0
    assert f"left out: {said}" in " ".join(capsys.readouterr().out.split())
    assert main(["compare", "exp/x", "--taught", "--samples", "100", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {each["set"] for each in found["sets"]} == {"dense-taught", "good-taught"}
    assert found["left_out"] == ["9 runs without a teacher, which are compared by asr-prune compare exp/x"]
    both = ["exp/x/runs/dense", "exp/x/runs/dense-s2", "exp/x/runs/dense-taught", "exp/x/runs/good"]
    assert main(["compare", *both, "--samples", "100", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {each["set"] for each in found["sets"]} == {"dense", "dense-taught", "good"}
    assert main(["compare", "exp/x/runs/dense-taught", "exp/x/runs/good-taught", "--samples", "9"]) == 0


def test_sets_of_different_teachers_are_said_to_be(capsys: Printed) -> None:
    for name, teacher in (("dense-a", "a"), ("dense-b", "b")):
        scored(name, 0.1, teachers=[teacher])
    scored("pruned-a", 0.1, method="l1", teachers=["a"])
    assert main(["compare", "exp/x", "--taught", "--samples", "9"]) == 0
    assert "Teachers differ: a; b. A difference of two such sets" in " ".join(capsys.readouterr().out.split())
    assert main(["compare", "exp/x/runs/dense-a", "exp/x/runs/pruned-a", "a=exp/x/runs/*-a", "--samples", "9"]) == 0
    assert "Teachers differ" not in capsys.readouterr().out


def test_sets_that_were_cut_by_magnitude_are_marked(capsys: Printed) -> None:
    for seed, converged in ((1, True), (2, False)):
        scored(f"dense-s{seed}", 0.1, seed)
        scored(f"steered-s{seed}", 0.2, seed, "group_lasso", converged=converged)
    assert main(["compare", "exp/x", "--samples", "9"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "Not converged, so that the cut was by magnitude: steered (1 of 2 runs)." in said
    assert main(["compare", "exp/x", "--samples", "9", "--json"]) == 0
    assert [each["converged"] for each in json.loads(capsys.readouterr().out)["sets"]] == [[None] * 2, [True, False]]


def test_the_verb_takes_sets(capsys: Printed) -> None:
    trained()
    assert main(["compare", "exp/x", "--samples", "200"]) == 0
    whole = capsys.readouterr().out
    assert "beside dense" in whole
    folders = [str(path) for path in sorted(Path("exp/x/runs").iterdir())]
    assert main(["compare", *folders, "--samples", "200"]) == 0
    assert capsys.readouterr().out == whole
    named = [
        "compare",
        "mine=exp/x/runs/bad*",
        "theirs=exp/x/runs/good,exp/x/runs/good-s?",
        "--samples",
        "200",
    ]
    assert main([*named, "--reference", "theirs", "--json"]) == 0
    output = json.loads(capsys.readouterr().out)
    assert (output["reference"], [each["seeds"] for each in output["sets"]]) == (
        "theirs",
        [[1, 2, 3]] * 2,
    )
    assert output["sets"][0]["told_apart"]
    assert main(["compare", "exp/x/runs/dense", "exp/x/runs/bad"]) == 0
    assert "MAPSSWE" in capsys.readouterr().out


def test_runs_on_the_labels_of_two_seeds_are_paired(capsys: Printed) -> None:
    for exp in ("x", "y"):
        trained(exp)
    command = [f"{name}=exp/x/runs/{name},exp/y/runs/{name}" for name in ("dense", "bad")]
    assert main(["compare", *command, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["sets"][1]["paired_by_labels"]
    assert main(["compare", "exp/x", "--json"]) == 0
    assert not json.loads(capsys.readouterr().out)["sets"][1]["paired_by_labels"]


@pytest.mark.parametrize(
    ("page", "part"), [("docs/results.md", ""), ("docs/folds.md", "/folds-10/pooled")], ids=["whole", "folds"]
)
def test_the_pages_compare_runs_on_the_labels_of_several_seeds(page: str, part: str, capsys: Printed) -> None:
    for seed in (1, 2, 3):
        end = "" if seed == 1 else f"-s{seed}"
        for name, rate, method in (("dense", 0.1, "none"), ("group_lasso-keep0.5", 0.4, "group_lasso")):
            scored(f"{name}{end}", rate, seed, method, f"an4_seed{seed}{part}")
        scored(f"dense_small-keep0.5{end}", 0.2, seed, "none", f"an4_seed{seed}{part}")
    (words,) = (words for _, *words in commands(ROOT / page) if any("an4_seed?" in word for word in words))
    assert main([*words, "--samples", "100", "--json"]) == 0
    dense, half = json.loads(capsys.readouterr().out)["sets"]
    names = [f"dense{end}" for end in ("", "-s2", "-s3")]
    assert (dense["runs"], dense["seeds"], half["seeds"]) == (names, [1, 2, 3], [1, 2, 3])
    assert half["paired_by_labels"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (
            ["exp/nowhere"],
            "exp/nowhere does not exist; give the folder of a run, or of an experiment in exp/",
        ),
        (
            ["exp"],
            "exp has no finished run; give the folder of an experiment, such as exp/demo, or of runs",
        ),
        (
            ["exp/x/runs/dense", "exp/x/runs/dense-s2"][:1],
            "all runs given are of one set, dense; give runs of another",
        ),
        (
            ["exp/x", "--reference", "best"],
            "--reference best is none of the sets: dense, good, bad",
        ),
        (
            ["a=exp/x/runs/dense", "a=exp/x/runs/bad"],
            "the set a is given twice; put its runs behind one a=",
        ),
        (
            ["dense=exp/x/runs/bad", "exp/x/runs/dense"],
            "the set dense is given twice; choose another name before",
        ),
        (
            ["a=exp/x/runs/none*", "exp/x"],
            "a=exp/x/runs/none* names no set of runs; write NAME=RUN,RUN with folders",
        ),
        (["=exp/x/runs/*", "exp/x"], "names no set of runs"),
        (
            ["exp/x/runs/empty", "exp/x"],
            "exp/x/runs/empty/result.json is missing; run the stage score",
        ),
        (["exp/x", "--taught"], "exp/x has no run with a teacher; leave --taught out."),
        (
            ["exp/x/runs/dense", "exp/x/runs/bad", "--taught"],
            "--taught chooses among the runs of an experiment's folder",
        ),
        (
            ["exp/x/runs/broken", "exp/x/runs/good", "exp/x/runs/bad"],
            "exp/x/runs/broken/result.json is damaged",
        ),
    ],
)
def test_what_is_no_set_is_one_sentence(words: list[str], says: str, capsys: Printed) -> None:
    trained()
    Path("exp/x/runs/empty").mkdir()
    scored("broken", 0.1).result.write_text("[]")
    if "exp/x" in words:
        Path("exp/x/runs/broken/result.json").unlink()
    assert main(["compare", *words]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert says in line
