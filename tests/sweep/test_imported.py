"""A sweep of a model of Kaldi's: its runs have no row in results.json."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from asr_prune.cli.main import main
from tests.kaldi.test_import_model import imported, project

pytestmark = pytest.mark.trains
__all__ = ["project"]

SWEEP = """
set: [train.epochs=1, train.utterances=2]
methods: [{prune: {method: magnitude}}]
budgets: [{macs: 0.6}, {macs: 0.8}]
"""
NAMES = [f"magnitude-macs{share}-epochs-1-utterances-2" for share in (0.6, 0.8)]


@pytest.mark.usefixtures("project")
def test_its_runs_are_made_and_all_of_them_listed(capsys: pytest.CaptureFixture[str]) -> None:
    imported()
    Path("recipes/small/sweep.yaml").write_text(SWEEP)
    capsys.readouterr()
    assert main(["sweep", "recipes/small/sweep.yaml", "--nj", "1"]) == 0
    out, err = capsys.readouterr()
    states = json.loads(Path("exp/small/sweeps/sweep.json").read_text())["runs"]
    assert {name: own["state"] for name, own in states.items()} == dict.fromkeys(NAMES, "done")
    told = [line for line in Path("exp/small/log/sweep.log").read_text().splitlines() if ": distance " in line]
    assert len(told) == 2, err
    assert all("of the multiply-adds" in line for line in told)
    rows = [line.split()[0] for line in out.splitlines() if line.endswith("%")]
    assert rows == NAMES
    assert "2 runs: 2 done" in out
    assert main(["check", "--recipe", "recipes/small", "--set", "corpus.folds=3"]) == 1
    assert "corpus.folds: an imported model may know all speakers" in capsys.readouterr().err
