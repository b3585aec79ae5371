"""run.sh: what it refuses, and that an experiment is one run's from its first stage to its last."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from functools import partial
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """run.sh beside a recipe of tones and a path.sh that takes the environment as it is."""
    shutil.copy(ROOT / "run.sh", tmp_path)
    (tmp_path / "path.sh").write_text("export LC_ALL=C\n")
    (tmp_path / "recipes/tiny").mkdir(parents=True)
    recipe = f"corpus: {{prepare: {ROOT / 'tests/stages/tiny.py'}}}\n"
    (tmp_path / "recipes/tiny/recipe.yaml").write_text(recipe)
    return tmp_path


def run(project: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([project / "run.sh", *options], capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--bogus"], "unknown option '--bogus'"),
        (["--stage", "12"], "there is no stage '12'"),
        (["--stop-stage", "trian"], "there is no stage 'trian'"),
        (["--stage"], "--stage needs a value"),
        (["--nj", "none"], "--nj must be a whole number of 1 or more, not 'none'"),
        (["--recipe", "nowhere"], "there is no nowhere/recipe.yaml"),
        (["--stage", "5", "--stop-stage", "3"], "--stage 5 comes after --stop-stage 3"),
        (["--recipe", "recipes/tiny", "--set", "train.epoch=3"], "did you mean 'epochs'"),
        (["--recipe", "recipes/tiny", "--set", "train.epochs=["], "the value is not valid YAML"),
        (["--recipe", "recipes/tiny", "--stage", "lang"], "lexicon.txt is missing; run the corpus stage"),
    ],
)
def test_what_is_wrong_is_one_sentence(project: Path, options: list[str], said: str) -> None:
    ended = run(project, *options)
    assert ended.returncode != 0
    first, *rest = ended.stderr.splitlines()
    assert said in first
    assert all(line.startswith(("log: ", "go on with: ")) for line in rest)


def test_the_executor_is_that_of_every_stage(project: Path) -> None:
    recipe = project / "recipes/tiny/recipe.yaml"
    recipe.write_text(recipe.read_text() + "executor: {type: dask, address: 'tcp://127.0.0.1:9'}\n")
    given = ["--recipe", "recipes/tiny", "--stop-stage", "lang", "--executor"]
    ended = run(project, *given, "local")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "no-such.yaml" in run(project, *given, "no-such.yaml").stderr


def test_the_seconds_of_stages_are_printed_last(project: Path) -> None:
    ended = run(project, "--recipe", "recipes/tiny", "--stop-stage", "lang")
    assert re.fullmatch(r"time: corpus \d+ s, lang \d+ s", ended.stdout.splitlines()[-1])
    again = run(project, "--recipe", "recipes/tiny", "--stop-stage", "lang")
    assert "time:" not in again.stdout


def test_the_second_of_two_runs_ends_and_the_first_goes_on(project: Path) -> None:
    given = ["--recipe", "recipes/tiny", "--stop-stage", "lang"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([project / "run.sh", *given], start_new_session=True, **pipes) as first:
        end = time.monotonic() + 120
        lock = project / "exp/tiny/.lock"
        while time.monotonic() < end and not (lock.exists() and lock.read_text()):
            time.sleep(0.01)
        os.killpg(first.pid, signal.SIGSTOP)  # or it may end before the second has started
        second = run(project, *given)
        os.killpg(first.pid, signal.SIGCONT)
        _, said = first.communicate()
    assert second.returncode != 0
    (line,) = second.stderr.splitlines()
    assert "exp/tiny is in use by another command" in line
    assert (first.returncode, said) == (0, b"")
    again = run(project, *given)
    assert again.stdout.splitlines() == ["corpus: up to date", "lang: up to date"]


@pytest.fixture
def endless(project: Path) -> Path:
    """The project with a corpus stage that does not end by itself."""
    code = "import time\nfrom pathlib import Path\n\n"
    code += "def prepare(root, out, seed):\n    Path('begun').touch()\n    time.sleep(60)\n"
    (project / "endless.py").write_text(code)
    recipe = project / "recipes/tiny/recipe.yaml"
    recipe.write_text(f"corpus: {{prepare: {project / 'endless.py'}}}\n")
    return project


def begun(project: Path) -> int:
    """The process of the stage, once it has begun."""
    end = time.monotonic() + 120
    while time.monotonic() < end and not (project / "begun").exists():
        time.sleep(0.01)
    return int((project / "exp/tiny/.lock").read_text().splitlines()[1].split()[0])


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_for_the_script_ends_its_stage(endless: Path, how: signal.Signals) -> None:
    reset = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # tests in the background have it ignored
    command = [endless / "run.sh", "--recipe", "recipes/tiny"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, preexec_fn=reset) as script:
        stage = begun(endless)
        script.send_signal(how)
        said = script.communicate(timeout=120)[1]
    assert script.returncode == 130
    assert "corpus was interrupted" in said
    with pytest.raises(ProcessLookupError):
        os.kill(stage, 0)


def test_a_stage_that_outlived_its_script_is_named(endless: Path) -> None:
    with subprocess.Popen([endless / "run.sh", "--recipe", "recipes/tiny"], stderr=subprocess.DEVNULL) as script:
        stage = begun(endless)
        assert f"(process {script.pid})" in run(endless, "--recipe", "recipes/tiny").stderr
        script.kill()
    refused = run(endless, "--recipe", "recipes/tiny").stderr
    os.kill(stage, signal.SIGTERM)
    assert f"in use by another command (process {stage})" in refused


def test_stages_with_nothing_to_do_are_not_started(project: Path) -> None:
    given = ["--recipe", "recipes/tiny", "--stop-stage", "lang"]
    assert run(project, *given).returncode == 0
    real, log = shutil.which("asr-prune"), project / "started"
    shim = project / "bin/asr-prune"
    shim.parent.mkdir()
    shim.write_text(f'#!/bin/sh\necho "$1" >> {log}\nexec {real} "$@"\n')
    shim.chmod(0o755)
    (project / "path.sh").write_text(f"export LC_ALL=C PATH={shim.parent}:$PATH\n")
    again = run(project, *given)
    assert again.stdout.splitlines() == ["corpus: up to date", "lang: up to date"]
    assert log.read_text().split() == ["due"]
    (project / "data/tiny/lang/topo").unlink()
    assert run(project, *given).returncode == 0
    assert log.read_text().split() == ["due", "due", "lang"]


def test_help_names_every_stage() -> None:
    said = subprocess.run([ROOT / "run.sh", "--help"], capture_output=True, text=True, check=True).stdout
    assert "0 corpus  1 lang  2 features  3 align  4 graph  5 train  6 shrink  7 decode  8 score  9 report" in said
