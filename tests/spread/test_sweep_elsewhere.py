"""Runs of a sweep on the workers of a Dask scheduler, and what ends them with the sweep."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from asr_prune.cli.main import main
from asr_prune.spread.lease import Lease
from tests.spread.conftest import Dask
from tests.sweep.sweeping import write_project

SWEEP = """
methods: [{prune: {method: none}}, {prune: {method: magnitude}}, {prune: {method: l2}, train: {learning_rate: 1.0e+30}}]
keeps: [0.5]
teachers: [null, dense]
"""


@pytest.mark.trains
def test_workers_make_the_runs_that_this_machine_would(
    dask: Dask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = []
    for where in ("here", "there"):
        folder = tmp_path / where
        folder.mkdir()
        write_project(folder, SWEEP)
        monkeypatch.chdir(folder)
        monkeypatch.setenv("PWD", str(folder))
        monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
        more = []
        if where == "there":
            dask.start_worker()
            more = ["--executor", dask.address]
        assert main(["sweep", "recipes/tiny/sweep.yaml", "--nj", "1", *more]) == 1
        printed = capsys.readouterr()
        assert "2 runs failed; try again with: asr-prune sweep recipes/tiny/sweep.yaml" in printed.err
        assert "6 runs: 4 done, 2 failed" in printed.out
        assert not re.search(r"[2-9] running", printed.out + printed.err)  # there is one worker
        states = json.loads(Path("exp/tiny/sweeps/sweep.json").read_text())["runs"]
        assert {name for name, own in states.items() if own["state"] == "failed"} == {
            name for name in states if name.startswith("l2")
        }
        assert all("not a number" in own["cause"] for own in states.values() if own["state"] == "failed")
        assert "epoch  3/3" in Path("exp/tiny/log/sweep/dense.log").read_text()
        found = {path.parent.name: json.loads(path.read_text()) for path in Path("exp/tiny/runs").glob("*/result.json")}
        keys = ("wer_test", "dev_ce_final", "nodes_per_layer")
        rows.append({name: [row[key] for key in keys] for name, row in found.items()})
        assert not list(Path("exp/tiny/sweeps").glob("*.alive"))
    assert rows[0] == rows[1]
    assert len(rows[0]) == 4


WATCH = """
import sys, time
from pathlib import Path
from asr_prune.spread.lease import Lease
with Lease(Path(sys.argv[1]), sys.argv[2]).watched(end=float(sys.argv[3]), look=0.1):
    print("begun", flush=True)
    time.sleep(60)
"""


def watching(lease: Lease, end: float) -> subprocess.Popen[bytes]:
    """A process that works as long as there are signs of life."""
    command = [sys.executable, "-c", WATCH, str(lease.path), lease.holder, str(end)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    return process


@pytest.mark.parametrize("how", ["removed", "silent"])
def test_a_run_ends_with_its_sweep(tmp_path: Path, how: str) -> None:
    lease, began = Lease(tmp_path / "sweep.alive"), time.monotonic()
    with lease.held():
        process = watching(lease, 2.0)
        if how == "silent":
            assert process.wait(30) == 1
    assert process.wait(30) == 1
    assert not lease.path.exists()
    assert time.monotonic() - began < 50


def test_a_run_of_a_sweep_that_was_killed_ends_when_the_next_one_begins(tmp_path: Path) -> None:
    killed = Lease(tmp_path / "sweep.alive")
    with killed.held():
        process = watching(killed, 300.0)
        with Lease(killed.path).held():
            assert process.wait(30) == 1
