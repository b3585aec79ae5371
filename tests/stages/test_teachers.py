"""Runs that name other runs as their teachers."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from asr_prune.cli.main import main
from asr_prune.recipe.load import load_recipe
from asr_prune.run_dir import RunDir
from asr_prune.stages import all_works
from asr_prune.workflow.experiment import Experiment

ROOT = Path(__file__).resolve().parents[2]
DENSE = "{prune: {method: none}}"
RECIPE = """
corpus: {prepare: local/tiny.py}
hmm: {passes: [{type: mono, iterations: 4}]}
features: {network: {type: mfcc, deltas: 1}}
network: {hidden: [20, 20], left_context: 1, right_context: 1}
train: {epochs: 2, batch: 32, threads: 1}
prune: {method: group_lasso, keep: 0.5, every: 1, steer_every: 2}
runs:
  - {name: dense, prune: {method: none}}
  - {name: taught, train: {teacher: dense}}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "local").mkdir()
    (tmp_path / "recipes/tiny").mkdir(parents=True)
    shutil.copy(ROOT / "tests/stages/tiny.py", tmp_path / "local")
    (tmp_path / "recipes/tiny/recipe.yaml").write_text(RECIPE)
    return tmp_path


@pytest.mark.parametrize(
    ("runs", "said"),
    [
        (
            f"{DENSE}, {{name: a, train: {{teacher: dens}}}}",
            r"train.teacher 'dens' is no run before this one.*mean 'dense'\?$",
        ),
        (
            "{name: a, train: {teacher: big}}",
            r"runs/big is not trained; give such a run, the folder of a trained one, or a final.mdl of nnet3\.$",
        ),
        (f"{DENSE}, {{name: a, train: {{teacher: big}}}}", r"is not trained; give such a run \(dense\), the folder of"),
        (f"{{name: a, train: {{teacher: dense}}}}, {DENSE}", r"dense stands after this run in runs"),
        (
            f"{{name: a, train: {{teacher: ./exp/tiny/runs/dense/}}}}, {DENSE}",
            r"dense stands after this run in runs; mo",
        ),
        ("{name: a, train: {teacher: exp/tiny/runs/a-te/model/x.pt}}", r"x.pt is not there; give the folder of a"),
        (
            f"{DENSE}, {{name: a, train: {{teacher: exp/tiny/runs/dense/shrunk/network.pt}}}}",
            r"name the run, dense",
        ),
        (f"{DENSE}, {{name: a, train: {{teacher: [dense, ./none]}}}}", r"none/model/network.pt is not there"),
        (f"{DENSE}, {{train: {{teacher: dense, teacher_weight: 2}}}}", "teacher_weight must be from 0 to 1"),
        (f"{DENSE}, {{train: {{teacher: dense, temperature: 0}}}}", "temperature must be above 0"),
    ],
)
def test_a_teacher_that_cannot_be_is_refused_before_anything_is_done(
    project: Path, capsys: pytest.CaptureFixture[str], runs: str, said: str
) -> None:
    assert main(["check", "--recipe", "recipes/tiny", "--set", f"runs=[{runs}]"]) == 1
    assert re.search(said, capsys.readouterr().err)
    assert not Path("exp").exists()


def test_a_teacher_that_keeps_fewer_frames_is_refused_before_anything_is_done(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = "runs=[{name: d, prune: {method: none}, network: {strides: %s}}, {name: a, train: {teacher: %s}}]"
    ctc = ["--set", "decode.type=ctc", "--set", "network.type=tdnn", "--set", "network.strides=[1, 2]"]
    base = ["check", "--recipe", "recipes/tiny", *ctc, "--set"]
    assert main([*base, runs % ("[1, 3]", "d")]) == 1
    assert "d-type-tdnn-strides-1_3 has one output for 3 frames, this run one for 2" in capsys.readouterr().err
    assert main([*base, runs % ("[1, 1]", "d")]) == 0


def test_a_run_of_the_recipe_may_be_named_by_its_path(project: Path) -> None:
    for name in ("exp/tiny/runs/dense", "./exp/tiny/runs/dense/model/network.pt", str(project / "exp/tiny/runs/dense")):
        loaded = load_recipe("recipes/tiny", [f"runs=[{DENSE}, {{name: a, train: {{teacher: {name}}}}}]"])
        works = [work for work in all_works(Experiment(loaded)) if work.stage == "train"]
        assert works[1].inputs[Path("exp/tiny/runs/dense/model/network.pt")] == "train"


def test_a_run_of_the_recipe_may_be_called_as_recipe_yaml_calls_it(project: Path) -> None:
    runs = "{name: taught, train: {teacher: dense}}, {prune: {method: dense_small, keep: null, like: taught}}"
    Path("recipes/tiny/recipe.yaml").write_text(RECIPE.replace("{name: taught, train: {teacher: dense}}", "{}"))
    old = RunDir(Path("exp/tiny/runs/dense"))  # of other settings; not what the recipe means
    old.models.mkdir(parents=True)
    old.network.touch()
    sets = [f"runs=[{DENSE}, {runs}]", "train.epochs=3", "seed=2"]
    dense, taught, small = load_recipe("recipes/tiny", sets).runs()
    assert taught.train.teachers == (dense.name,) == ("dense-epochs-3-s2",)
    assert small.prune.like == taught.name
    alone = load_recipe("recipes/tiny", [f"runs=[{DENSE}, {runs}]"]).runs()
    assert alone[1].train.teacher == "dense"


@pytest.mark.trains
def test_a_run_follows_the_run_that_teaches_it(
    project: Path, run_stages: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    run_stages("--recipe", "recipes/tiny")
    table = Path("exp/tiny/report/table.txt").read_text()
    (name,) = (path.name for path in Path("exp/tiny/runs").iterdir() if path.name.startswith("taught"))
    assert re.search(rf"{name} +group_lasso \+T", table)
    assert "its teachers" in table
    row = json.loads(RunDir(Path("exp/tiny/runs") / name).result.read_text())
    assert row["teachers"] == ["dense"]
    assert "teachers" not in json.loads(RunDir(Path("exp/tiny/runs/dense")).result.read_text())
    assert main(["explain", f"exp/tiny/runs/{name}"]) == 0
    assert "teacher: dense (weight 0.5 beside the labels, temperature 1)" in capsys.readouterr().out


def test_the_model_of_the_teacher_counts_for_its_student(project: Path) -> None:
    every = all_works(Experiment(load_recipe("recipes/tiny")))
    (work,) = [work for work in every if work.stage == "train" and work.run.startswith("taught")]
    assert work.inputs[Path("exp/tiny/runs/dense/model/network.pt")] == "train"
    (dense,) = [work for work in every if work.title == "train dense"]
    assert not any("runs" in path.parts for path in dense.inputs)


def test_a_teacher_of_the_whole_recipe_is_not_its_own(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = Path("recipes/tiny/recipe.yaml")
    recipe.write_text(RECIPE.replace("threads: 1}", "threads: 1, teacher: dense}"))
    assert main(["check", "--recipe", "recipes/tiny"]) == 1
    assert "run dense: train.teacher names the run itself" in capsys.readouterr().err
