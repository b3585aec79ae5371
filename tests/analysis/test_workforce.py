"""Estimates are divided by the workers and processes that there will be, as far as work is shared."""

from __future__ import annotations

from pathlib import Path

import pytest

from asr_prune.acoustic.options import TrainOptions
from asr_prune.analysis import workforce as module
from asr_prune.analysis.amount import Amount
from asr_prune.analysis.estimate import Estimate
from asr_prune.analysis.estimates import Estimator
from asr_prune.analysis.search_speed import SearchSpeed
from asr_prune.analysis.searches import Searches
from asr_prune.analysis.speeds import GmmSpeed, NetworkSpeed
from asr_prune.analysis.workforce import Workforce, faster, training_notes, workforce
from asr_prune.cli.main import main
from asr_prune.cli.plan import plan_table, trainings_apart
from asr_prune.recipe.load import load_recipe
from asr_prune.spread.options import ClusterOptions, ExecutorOptions
from asr_prune.stages import all_works
from asr_prune.workflow.experiment import Experiment
from asr_prune.workflow.runner import State
from asr_prune.workflow.work import Work

ADDRESS = "tcp://127.0.0.1:9"


@pytest.fixture(autouse=True)
def _four_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "available_cores", lambda: 4)


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Speeds that are the same each time."""
    rooms = "asr_prune.analysis.estimates"
    monkeypatch.setattr(f"{rooms}.features_speed", lambda *_: 1e-3)
    monkeypatch.setattr(f"{rooms}.gmm_speed", lambda *_: GmmSpeed(1e-5, 1e-5, 1e-6, 1e-5, 1e-5))
    monkeypatch.setattr(f"{rooms}.network_speed", lambda *_: NetworkSpeed(3e-6, 1e-6, 1000))
    for name in ("decode", "verify"):
        monkeypatch.setattr(Searches, name, lambda *_: SearchSpeed(0.2))


def seconds(recipe: Path, force: Workforce | None, hours: float = 10.0, *sets: str) -> dict[str, float]:
    """Of the works of the recipe's first run, by stage."""
    experiment = Experiment(load_recipe(recipe, ["hmm.passes=[{type: mono}]", "train.epochs=2", *sets]), 1)
    speech = {part: Amount(int(500 * hours), hours) for part in ("train", "dev", "test")}
    estimator, sums = Estimator(experiment, speech, force=force), dict[str, float]()
    for work in all_works(experiment):
        if work.run in ("", experiment.runs[0].name):
            sums[work.stage] = sums.get(work.stage, 0.0) + (estimator.of(work).seconds or 0.0)
    return sums


@pytest.mark.usefixtures("measured")
def test_workers_share_what_is_spread_and_nothing_else(tones: Path) -> None:
    one, eight = (seconds(tones, Workforce(count, "", True)) for count in (1, 8))
    assert eight["features"] == pytest.approx(one["features"] / 8)
    assert eight["decode"] == pytest.approx(one["decode"] / 8)
    joined = module.ONCE_A_PASS + module.JOINING * 20 * 360_000
    assert eight["align"] - joined == pytest.approx((one["align"] - joined) / 8)
    assert eight["train"] == one["train"]


@pytest.mark.usefixtures("measured")
def test_there_are_no_more_at_work_than_there_are_tasks(tones: Path) -> None:
    many, more = (seconds(tones, Workforce(count, "", True), 0.1) for count in (100, 1000))
    assert many == more
    assert many["decode"] > 0


@pytest.mark.usefixtures("measured")
def test_processes_here_get_their_scores_from_one(tones: Path) -> None:
    one, two = (seconds(tones, Workforce(count, "")) for count in (1, 2))
    scores = 2 * 10 * 360_000 * 1e-6
    assert two["decode"] - scores == pytest.approx((one["decode"] - scores) / 2)
    assert two["align"] == pytest.approx(one["align"] / 2)


@pytest.mark.usefixtures("measured")
def test_processes_that_train_together_are_faster_as_far_as_there_are_cores(tones: Path) -> None:
    one, two, many = (seconds(tones, None, 10.0, f"train.processes={n}")["train"] for n in (1, 2, 9))
    frames = 10 * 360_000
    dev = 2 * frames * 1e-6
    assert one - dev == pytest.approx(2 * frames * 3e-6)
    assert two - dev == pytest.approx((one - dev) / 1.67)
    assert many - dev == pytest.approx((one - dev) / (1 + 3 * 0.67))


def test_who_does_the_work_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    assert workforce(ExecutorOptions(), 2) == Workforce(2, "2 processes of this machine")
    assert workforce(ExecutorOptions(), 9).count == 4
    assert "no more cores than that for --nj 9" in workforce(ExecutorOptions(), 9).says
    dask = ExecutorOptions(type="dask", address=ADDRESS)
    for count, said in ((8, "8 workers of Dask"), (0, "has no worker yet"), (None, "does not answer")):
        monkeypatch.setattr(module, "count_workers", lambda _, count=count: count)
        found = workforce(dask, 2)
        assert (found.count, found.elsewhere, found.known) == (count or 1, True, bool(count))
        assert said in found.says
        assert ADDRESS in found.says
    jobs = ExecutorOptions(type="dask", cluster=ClusterOptions(jobs=16, workers=4))
    assert workforce(jobs, 2).says.startswith("64 workers of slurm (16 jobs with 4 workers each)")
    pods = ClusterOptions(type="kubernetes", jobs=16, image="i", claim="c", mount="/m")
    assert workforce(ExecutorOptions(type="dask", cluster=pods), 2).count == 16


def test_more_processes_than_devices_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    trains = [TrainOptions(processes=count) for count in (1, 2, 2, 9)]
    assert training_notes(trains) == [
        "Training: 2 processes, counted as 1.67 times as fast as one.",
        "Training: train.processes is 9 and this machine has 4 cores; counted as 4, 3.01 times as fast as one.",
    ]
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    assert faster(trains[3]) == 1
    assert "torch sees 1 GPU; training will be refused: lower it" in training_notes(trains)[0]
    assert faster(TrainOptions(processes=9, device="cpu")) == pytest.approx(3.01)


def test_plan_says_on_what_it_counts(tones: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ["plan", str(tones), "--set", "train.processes=2"]
    said = []
    for where in ("local", ADDRESS):
        assert main([*given, "--executor", where]) == 0
        said.append(capsys.readouterr().out.splitlines())
    assert "Work that is shared: 2 processes of this machine." in said[0]
    assert any(line.startswith(f"Work that is shared: 1 worker: Dask at {ADDRESS} does not answer") for line in said[1])
    assert all("Training: 2 processes, counted as 1.67 times as fast as one." in lines for lines in said)


def test_trainings_by_workers_count_as_many_at_a_time_as_there_are_workers(tones: Path) -> None:
    def at_once(runs: str, count: int, elsewhere: bool = True) -> int:
        experiment = Experiment(load_recipe(tones, [f"runs=[{runs}]", "train.device=cpu"]), 1)
        return trainings_apart(experiment, experiment.runs, Workforce(count, "", elsewhere))

    three = ", ".join(f"{{prune: {{method: none}}, seed: {seed}}}" for seed in (1, 2, 3))
    together = "{prune: {method: none}, seed: 4, train: {processes: 2}}"
    assert [at_once(three, count) for count in (1, 2, 8)] == [1, 2, 3]
    assert at_once(f"{three}, {together}", 8) == 3
    assert at_once(three, 8, elsewhere=False) == at_once("{prune: {method: none}}", 8) == 1
    states = [State(Work("train", "", "", {}, {}, [], Path(), run=name), True, "") for name in "ab"]
    rows = [(state, Estimate(seconds=100.0)) for state in states]
    assert [plan_table(rows, apart)[-1].split()[-2:] for apart in (1, 2)] == [["3", "min"], ["100", "s"]]
