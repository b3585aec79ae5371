"""Sweeps that run: a failed run stops nothing, and a killed sweep ends in the same results."""

from __future__ import annotations

import json
import os
import random
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

from asr_prune.cli.main import main
from asr_prune.stages.elsewhere import RunTask
from asr_prune.sweep.points import SHARED_STAGES
from asr_prune.sweep.worker import Worker

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "stages")]

from sweeping import write_project  # noqa: E402
from whole import results  # noqa: E402

pytestmark = pytest.mark.trains

SWEEP = """
methods:
  - {prune: {method: none}}
  - {prune: {method: magnitude}}
  - {prune: {method: l1}, train: {init: broken.pt}}
keeps: [0.5]
teachers: [null, dense]
"""
COMMAND = [sys.executable, "-P", "-m", "asr_prune.cli.main", "sweep", "recipes/tiny/sweep.yaml"]
NAMES = ["dense", "dense-teacher-dense", "magnitude-keep0.5", "magnitude-keep0.5-teacher-dense"]
BROKEN = ["l1-keep0.5-init-broken.pt", "l1-keep0.5-init-broken.pt-teacher-dense"]


Ended = tuple[int, str, str]


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose shared stages are done, with a model file that cannot be read."""
    here = tmp_path_factory.mktemp("projects") / "before"
    write_project(here, SWEEP)
    (here / "broken.pt").write_bytes(b"no model")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(here)
        assert [main([stage, "--recipe", "recipes/tiny", "--nj", "1"]) for stage in SHARED_STAGES] == [0] * 5
    return here


@pytest.fixture(scope="module")
def swept(before: Path) -> tuple[Path, Ended]:
    """A project after its sweep, with exit status, output and errors of the sweep."""
    here = before.with_name("swept")
    copy(before, here)
    return here, sweep(here)


def copy(before: Path, here: Path) -> None:
    """Without the name of the process that holds the experiment."""
    shutil.copytree(before, here, ignore=shutil.ignore_patterns(".lock"))


def sweep(project: Path, *options: str) -> Ended:
    with (
        pytest.MonkeyPatch.context() as patch,
        redirect_stdout(StringIO()) as out,
        redirect_stderr(StringIO()) as err,
    ):
        patch.chdir(project)
        status = main(["sweep", "recipes/tiny/sweep.yaml", *options])
    return status, out.getvalue(), err.getvalue()


def test_a_failed_run_is_listed_and_stops_nothing(swept: tuple[Path, Ended]) -> None:
    project, (status, out, err) = swept
    assert status == 1
    done = [name for name in NAMES if (project / f"exp/tiny/runs/{name}/result.json").is_file()]
    assert done == NAMES
    failed = [line for line in out.splitlines() if line.startswith("failed: ")]
    assert [line.split()[1] for line in failed] == [f"{name}:" for name in BROKEN]
    assert "broken.pt" in failed[0]
    log = failed[0].rpartition("(log: ")[2].rstrip(")")
    assert "broken.pt" in (project / log).read_text()
    assert "6 runs: 4 done, 2 failed" in out
    again = "2 runs failed; try again with: asr-prune sweep recipes/tiny/sweep.yaml"
    assert err.splitlines()[-1] == again
    states = json.loads((project / "exp/tiny/sweeps/sweep.json").read_text())["runs"]
    assert {name: own["state"] for name, own in states.items()} == dict.fromkeys(NAMES, "done") | dict.fromkeys(
        BROKEN, "failed"
    )


def test_its_report_has_the_runs_and_their_own_commands(
    swept: tuple[Path, Ended],
) -> None:
    project, (_, out, _) = swept
    assert "report: exp/tiny/report/index.html" in out
    rows = json.loads((project / "exp/tiny/report/results.json").read_text())
    assert sorted(row["run"] for row in rows) == NAMES
    commands = {row["run"]: row["command"] for row in rows}
    assert len(set(commands.values())) == len(NAMES)


def test_what_a_sweep_made_is_up_to_date_for_its_commands(
    swept: tuple[Path, Ended], capsys: pytest.CaptureFixture[str]
) -> None:
    project, _ = swept
    rows = json.loads((project / "exp/tiny/report/results.json").read_text())
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project)
        for row in rows:
            words = shlex.split(row["command"])
            assert words[:4] == ["asr-prune", "run", "--recipe", "recipes/tiny"]
            assert main(["due", *words[2:], "--stop-stage", "score"]) == 0
            assert all(line.endswith("up to date") for line in capsys.readouterr().out.splitlines()), row["run"]


def test_a_dry_run_prints_runs_and_time_and_runs_nothing(before: Path, tmp_path: Path) -> None:
    here = tmp_path / "dry"
    copy(before, here)
    status, out, _ = sweep(here, "--dry-run")
    assert status == 0
    lines = out.splitlines()
    assert [line.split()[0] for line in lines[5:-3]] == [
        *NAMES[::2],
        BROKEN[0],
        *NAMES[1::2],
        BROKEN[1],
    ]
    assert all(re.search(r" to do +at least ~?\d+ s$", line) for line in lines[5:-3])
    assert re.fullmatch(r"6 runs, 6 to do: at least ~?\d+ (s|min) of one process", lines[-3])
    assert lines[-1].startswith("Not estimated: the time of ")
    assert not (here / "exp/tiny/runs").exists()
    assert not (here / "exp/tiny/sweeps").exists()


def test_a_dry_run_before_there_is_speech_says_what_its_times_need(tmp_path: Path) -> None:
    write_project(tmp_path, SWEEP)
    status, out, _ = sweep(tmp_path, "--dry-run")
    assert status == 0
    said = ["6 runs, 6 to do", "no speech yet: run the corpus stage first (asr-prune corpus), or set corpus.root"]
    assert out.splitlines()[-2:] == said


def test_a_dry_run_takes_accepted_code_for_what_the_sweep_does(before: Path, tmp_path: Path) -> None:
    here = tmp_path / "accepted"
    copy(before, here)
    with (here / "local/tiny.py").open("a") as file:
        file.write("VERSION = 2\n")
    for given, said in ((), "to do"), (("--accept-code",), "up to date"):
        first = sweep(here, "--dry-run", *given)[1].splitlines()[0]
        assert first.split(maxsplit=1)[0] == "corpus"
        assert said in first


def test_a_worker_that_is_killed_is_told(before: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy(before, tmp_path / "killed")
    monkeypatch.chdir(tmp_path / "killed")
    sets = ("train.epochs=1000", "runs=[{prune: {method: none}}]")
    name, log = "dense-epochs-1000", Path("exp/tiny/log/sweep/a.log")
    worker = Worker(RunTask(Path.cwd(), Path("recipes/tiny"), sets, name, ("train",), log, False))
    until(Path(f"exp/tiny/runs/{name}/metrics.jsonl").is_file, 120)
    assert worker.process.pid is not None
    os.kill(worker.process.pid, signal.SIGKILL)
    assert worker.cause() == "a signal (9) killed it, perhaps for lack of memory"


def until(true: object, seconds: float) -> None:
    end = time.monotonic() + seconds
    while not true():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.parametrize("kills", [3, pytest.param(10, marks=pytest.mark.slow)])
def test_a_killed_sweep_ends_in_the_same_results(
    kills: int, before: Path, swept: tuple[Path, Ended], tmp_path: Path
) -> None:
    """Killed at random moments of different runs, and once interrupted; its workers end by themselves."""
    here, dice = tmp_path / "killed", random.Random(7)
    copy(before, here)
    for kill in range(kills):
        stop_sweep(here, dice.uniform(0, 0.3), signal.SIGTERM if kill == 1 else signal.SIGKILL)
    assert sweep(here)[0] == 1
    assert comparable(here) == comparable(swept[0])


def stop_sweep(project: Path, seconds: float, how: signal.Signals) -> None:
    """Starts the sweep and stops it so long after it has trained an epoch or written a file of a run."""
    before = progress(project)
    process = subprocess.Popen(COMMAND, cwd=project, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    until(lambda: progress(project) > before or process.poll() is not None, 300)
    time.sleep(seconds)
    assert process.poll() is None, process.communicate()[0]
    process.send_signal(how)
    said = process.communicate()[0].splitlines()
    if how == signal.SIGTERM:
        assert process.returncode == 130
        assert said[-3] == "asr-prune: sweep was interrupted; nothing that was finished is lost."
        assert said[-1] == "go on with: asr-prune sweep recipes/tiny/sweep.yaml"


def progress(project: Path) -> int:
    """Epochs that are trained, and files that are there, of all runs."""
    epochs = sum(path.read_bytes().count(b"\n") for path in project.glob("exp/tiny/runs/*/metrics.jsonl"))
    return epochs + len(list(project.glob("exp/tiny/runs/**/*")))


def comparable(project: Path) -> dict[str, str]:
    """The results but for the states of the sweep, which have times, and the runs that failed."""
    left_out = ("exp/tiny/sweeps", *(f"exp/tiny/runs/{name}" for name in BROKEN))
    return {name: digest for name, digest in results(project).items() if not name.startswith(left_out)}


def test_a_stage_that_all_need_stops_the_sweep(tmp_path: Path) -> None:
    write_project(tmp_path, SWEEP)
    (tmp_path / "local/tiny.py").write_text("def prepare(root, out, seed):\n    raise SystemError('no corpus')\n")
    status, _, err = sweep(tmp_path)
    assert status == 1
    assert "no corpus" in (tmp_path / "exp/tiny/log/corpus.log").read_text()
    assert err.splitlines()[-1].endswith("then go on with: asr-prune sweep recipes/tiny/sweep.yaml")
    assert not (tmp_path / "exp/tiny/runs").exists()


def test_runs_of_the_recipe_that_are_not_of_the_sweep_do_not_stop_it(tmp_path: Path) -> None:
    write_project(tmp_path, "set: [train.epochs=1]\nmethods: [{prune: {method: none}}]\n")
    with open(tmp_path / "recipes/tiny/recipe.yaml", "a") as file:
        file.write("runs: [{prune: {keep: 0.5, warm_up: 2 epochs}}]\n")
    (tmp_path / "local/tiny.py").write_text("def prepare(root, out, seed):\n    raise SystemError('no corpus')\n")
    sweep(tmp_path)
    assert "no corpus" in (tmp_path / "exp/tiny/log/corpus.log").read_text()
