"""The epochs of a trial are those of its own training."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from asr_prune.cli.main import main
from asr_prune.files import atomic
from asr_prune.run_dir import RunDir
from asr_prune.sweep.points import SHARED_STAGES
from asr_prune.workflow.experiment import open_experiment

optuna = pytest.importorskip("optuna")
sys.path[:0] = [str(Path(__file__).resolve().parents[1] / "sweep")]

from sweeping import write_project  # noqa: E402

from asr_prune.search.bound import Bound  # noqa: E402
from asr_prune.search.epochs import Epochs, epochs_ce  # noqa: E402
from asr_prune.search.pruner import FINAL_CE, WITHIN, FallPruner  # noqa: E402
from asr_prune.search.search import SizeSearch  # noqa: E402
from asr_prune.search.space import Space  # noqa: E402


def write_metrics(run: RunDir, *ces: float) -> None:
    with atomic(run.metrics) as file:
        file.writelines(json.dumps({"epoch": epoch, "dev_ce": ce}) + "\n" for epoch, ce in enumerate(ces, 1))


def test_what_a_former_training_left_does_not_count_until_it_is_written_again(tmp_path: Path) -> None:
    run = RunDir(tmp_path)
    assert Epochs(run, anew=True).ce() == Epochs(run, anew=False).ce() == []
    write_metrics(run, 9.0, 8.0)
    trained, anew = Epochs(run, anew=False), Epochs(run, anew=True)
    assert trained.ce() == [9.0, 8.0]
    assert anew.ce() == []
    os.remove(run.metrics)
    assert anew.ce() == []
    write_metrics(run, 3.0)
    assert anew.ce() == [3.0]


@pytest.mark.trains
def test_a_trial_is_not_ended_by_the_former_training_of_its_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Any of the former epochs would end the trial, were it its own."""
    write_project(tmp_path, "")
    monkeypatch.chdir(tmp_path)
    for stage in SHARED_STAGES:
        assert main([stage, "--recipe", "recipes/tiny", "--nj", "1"]) == 0
    experiment = open_experiment("recipes/tiny", (), nj=1)
    search = SizeSearch(experiment, Bound("ce", 50.0), Space(("gradual",)))
    study = optuna.create_study(pruner=FallPruner([2.0, 1.5, 1.0], 51.0))
    study.add_trial(
        optuna.trial.create_trial(
            params={"method": "gradual", "share of gradual": 0.5},
            distributions={
                "method": optuna.distributions.CategoricalDistribution(["gradual"]),
                "share of gradual": optuna.distributions.FloatDistribution(0.01, 1, log=True),
            },
            value=0.5,
            intermediate_values={1: 3.0, 2: 2.0, 3: 1.5},
            user_attrs={WITHIN: True, FINAL_CE: 1.5},
        )
    )
    trial = study.ask()
    point = search.point({"method": "gradual", "budget": {"params": 0.5}})
    write_metrics(point.folder, 900.0, 900.0, 900.0)
    assert search._made(point, ("train",), trial) == ("", False)
    reported = study.get_trials()[trial.number].intermediate_values
    assert list(reported.values()) == epochs_ce(point.folder)
    assert max(reported.values()) < 50
    again = study.ask()
    assert search._made(point, ("train",), again) == ("", False)  # nothing is to be done
    assert study.get_trials()[again.number].intermediate_values == reported
