"""The runs of a recipe, trained by the workers of a Dask scheduler: the same files as on this machine."""

from __future__ import annotations

import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from asr_prune.cli.main import main
from asr_prune.stages import works_of
from asr_prune.stages.trainings import RunTraining, may_leave
from asr_prune.workflow.experiment import open_experiment
from tests.spread.conftest import Dask
from tests.stages.test_killed_searches import files
from tests.sweep.sweeping import RECIPE, write_project
from tests.sweep.test_sweep import until

RUNS = """
runs:
  - {name: dense, prune: {method: none}}
  - {name: small, prune: {method: magnitude, keep: 0.5}}
  - {name: taught, prune: {keep: 0.5}, train: {teacher: dense}}
"""
TAUGHT = "taught-teacher-dense"
GIVEN = ["--recipe", "recipes/tiny", "--nj", "1"]


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with labels, whose runs are not trained yet."""
    here = tmp_path_factory.mktemp("projects") / "before"
    here.mkdir()
    write_project(here, "")
    (here / "recipes/tiny/recipe.yaml").write_text(RECIPE + RUNS)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(here)
        verbs = ("corpus", "lang", "features", "align")
        assert [main([verb, *GIVEN]) for verb in verbs] == [0] * len(verbs)
    return here


@pytest.fixture
def project(before: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, the current folder."""
    shutil.copytree(before, here := tmp_path / "far")
    monkeypatch.chdir(here)
    monkeypatch.setenv("PWD", str(here))
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    return here


def log(name: str = "train") -> str:
    return Path(f"exp/tiny/log/{name}.log").read_text()


def trained(folder: Path) -> dict[str, object]:
    """What training wrote, without times; the command that a run notes names the executor."""
    found = {name: content for name, content in files(folder).items() if not name.endswith("recipe.yaml")}
    for name, content in found.items():
        if isinstance(content, bytes) and name.endswith(".jsonl"):
            found[name] = re.sub(rb', "\w*seconds\w*": [0-9.e-]+', b"", content)
        elif isinstance(content, dict):
            content.pop("teacher_share", None)  # of the time
    return found


@pytest.mark.trains
def test_workers_train_the_runs_as_this_machine_does(
    dask: Dask, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(project, tmp_path / "near")
    monkeypatch.chdir(tmp_path / "near")
    assert main(["train", *GIVEN]) == 0
    monkeypatch.chdir(project)
    for _ in range(2):
        dask.start_worker()
    dask.wait()
    assert main(["train", *GIVEN, "--executor", dask.address]) == 0
    found = trained(project)
    near = trained(tmp_path / "near")
    assert [name for name in near.keys() | found.keys() if near.get(name) != found.get(name)] == []
    assert {f"exp/tiny/runs/{TAUGHT}/metrics.jsonl", "exp/tiny/runs/small/model/network.pt"} <= found.keys()
    said = log()
    assert said.index("train dense: done") < said.index(f"train {TAUGHT}: training, run 3 of 3")
    workers = set(re.findall(r"(tcp://\S+): train (?:dense|small): training", said))
    assert len(workers) == 2
    assert "epoch  3/3" in log("train/dense")
    assert "epoch  3/3" in said
    assert not Path("exp/tiny/.trainings").exists()
    capsys.readouterr()
    for given in ([], ["--executor", dask.address]):
        assert main(["train", *GIVEN, *given]) == 0
        assert re.findall(r"^train (.+): up to date$", capsys.readouterr().out, re.M) == ["dense", "small", TAUGHT]
    assert trained(project) == found


@pytest.mark.trains
def test_a_run_whose_worker_is_killed_goes_on_from_its_checkpoint(dask: Dask, project: Path, tmp_path: Path) -> None:
    sets = ["--set", "train.epochs=8", "--set", "runs=[{prune: {method: none}}, {prune: {method: none}, seed: 2}]"]
    shutil.copytree(project, tmp_path / "near")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path / "near")
        assert main(["train", *GIVEN, *sets]) == 0
    first = dask.start_worker()

    def replace() -> None:
        until(lambda: list(Path("exp/tiny/runs").glob("*/model/checkpoint.pt")), 240)
        first.kill()
        dask.start_worker()

    with ThreadPoolExecutor(1) as pool:
        replaced = pool.submit(replace)
        assert main(["train", *GIVEN, *sets, "--executor", dask.address]) == 0
        replaced.result()
    assert re.search("ended during the run dense.*, which begins again elsewhere", log())
    assert re.search("resumed after epoch [0-9]+ of 8", log())
    assert trained(project) == trained(tmp_path / "near")


@pytest.mark.trains
def test_a_failed_run_is_told_and_the_others_are_kept(
    dask: Dask, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = "{name: bad, prune: {method: none}, train: {learning_rate: 1.0e+30}}"
    dask.start_worker()
    command = [
        "train",
        *GIVEN,
        "--set",
        f"runs=[{bad}, {{name: good, prune: {{method: none}}}}]",
        "--executor",
        dask.address,
    ]
    assert main(command) == 1
    told = capsys.readouterr().err
    assert re.search(r"asr-prune: train failed: run bad-learning_rate-1e.30: .*not a number", told)
    assert "go on with: asr-prune run --recipe recipes/tiny --stage train" in told
    assert {path.parent.parent.name for path in Path("exp/tiny/runs").glob("*/.stages/train.json")} == {"good"}
    assert not list(Path("exp/tiny/runs").glob("bad*/model/network.pt"))
    assert not Path("exp/tiny/.trainings").exists()


def test_what_a_training_reads_of_others(before: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(before)
    runs = "runs=[{name: a}, {name: b, train: {init: exp/tiny/runs/a}}, {name: c, seed: 2}]"
    experiment = open_experiment("recipes/tiny", [runs, "prune.keep=0.5"])
    a, b, c = (
        RunTraining(run, [work]) for run, work in zip(experiment.runs, works_of("train", experiment), strict=True)
    )
    assert b.reads(a)
    assert not any([a.reads(b), c.reads(a), c.reads(b)])


def test_trainings_of_several_processes_stay(before: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(before)
    kinds = ("device: cpu", "device: cuda", "device: cpu, processes: 2")
    runs = [f"{{name: r{i}, seed: {i}, prune: {{keep: 0.5}}, train: {{{kind}}}}}" for i, kind in enumerate(kinds)]
    runs = f"runs=[{', '.join(runs)}]"
    assert [may_leave(run) for run in open_experiment("recipes/tiny", [runs]).runs] == [True, False, False]
