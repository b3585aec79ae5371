"""Runs grouped into sets, compared, and shown; from folders as the score stage leaves them."""

from __future__ import annotations

import json
import random
import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import yaml

from asr_prune.cli.main import main
from asr_prune.errors import UserError
from asr_prune.report.further import Further
from asr_prune.report.sets import by_seed, compare_all, compared, read_run, runs_in, usual_reference
from asr_prune.report.sets_page import sets_section
from asr_prune.report.sets_table import format_sets, probability, sets_as_json
from asr_prune.report.write import write_report
from asr_prune.run_dir import RunDir
from asr_prune.score.options import ScoreOptions
from asr_prune.score.wer import score
from asr_prune.score.write import write_score

from .conftest import invented_row, run_files

REFS = {f"s{k}-{i}": random.Random(f"{k}{i}").choices("abcdefgh", k=8) for k in range(6) for i in range(8)}
Printed = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def scored(
    name: str,
    rate: float,
    seed: int = 1,
    method: str = "none",
    exp: str = "x",
    epochs: int = 8,
    **more: Any,
) -> RunDir:
    """A finished run that has about `rate` of the words wrong."""
    run, dice = RunDir(Path("exp") / exp / "runs" / name), random.Random(f"{name}{seed}")
    run.path.mkdir(parents=True)
    hyps = {utt: [word if dice.random() > rate else "z" for word in words] for utt, words in REFS.items()}
    options = ScoreOptions(bootstrap=0, **more.pop("score", {}))
    write_score(run.score("test"), score(hyps, REFS, {utt: utt[:2] for utt in REFS}, options))
    row = invented_row(name, method, 512 if method == "none" else 256, 10.0, seed=seed, **more)
    run.result.write_text(json.dumps(row))
    asked = {"name": name, "seed": seed, "command": name, "prune": {"method": method}}
    train = {"epochs": epochs, "device": f"cuda:{seed}", "teacher": more.get("teachers", [])}
    run.recipe.write_text(yaml.safe_dump(asked | {"train": train}))
    return run


def trained(exp: str = "x") -> None:
    """Dense, a good and a bad method, three seeds each."""
    for seed in (1, 2, 3):
        end = "" if seed == 1 else f"-s{seed}"
        for name, rate, method in (("dense", 0.1, "none"), ("good", 0.1, "l1"), ("bad", 0.4, "l2")):
            scored(f"{name}{end}", rate, seed, method, exp)


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
    for run in teachers:
        run.recipe.unlink()  # as pooled runs are: by name
    assert [run.result.seed for run in by_seed([read_run(run, "test") for run in teachers])["good-t"]] == [1, 2]


def test_sets_of_two_experiments_are_kept_apart() -> None:
    runs = [scored("dense", 0.1, exp="x"), scored("dense", 0.1, exp="y")]
    groups = by_seed([read_run(run, "test") for run in runs])
    assert list(groups) == ["exp/x/runs/dense", "exp/y/runs/dense"]


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


def test_sets_of_different_tests_are_refused() -> None:
    runs = [scored("dense", 0.1), scored("half", 0.1, method="l1", score={"normalise": ["upper"]})]
    groups = by_seed([read_run(run, "test") for run in runs])
    with pytest.raises(UserError, match=r"different score\.normalise"):
        compared(groups, "dense", 100, 0)


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
