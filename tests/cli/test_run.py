"""run: what run.sh does, without a clone."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-P", "-m", "asr_prune.cli.main", "run", "--recipe", "recipes/tiny"]
TO_LANG = ["--stop-stage", "lang"]
#: a corpus script that waits
SLOW = """
import time
from pathlib import Path

def prepare(root, out, seed):
    Path("started").touch()
    time.sleep(20)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with a blank and an umlaut in its path, and a recipe of tones."""
    folder = tmp_path / "zwei Wörter/recipes/tiny"
    folder.mkdir(parents=True)
    tiny = ROOT / "tests/stages/tiny.py"
    (folder / "recipe.yaml").write_text(f"corpus: {{prepare: {tiny}}}\n")
    return folder.parent.parent


def run(project: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *options], cwd=project, capture_output=True, text=True)


def test_it_prints_what_run_sh_prints(project: Path, tmp_path: Path) -> None:
    other = tmp_path / "clone"
    shutil.copytree(project, other)
    shutil.copy(ROOT / "run.sh", other)
    (other / "path.sh").write_text("export LC_ALL=C\n")
    script = [other / "run.sh", *COMMAND[-2:], *TO_LANG]
    for first in (True, False):
        expected = subprocess.run(script, capture_output=True, text=True, check=True).stdout
        ended = run(project, *TO_LANG)
        assert (ended.returncode, ended.stderr) == (0, "")
        assert _comparable(ended.stdout) == _comparable(expected)
        assert ("up to date" in expected) is not first


def _comparable(text: str) -> list[str]:
    """Lines without paths and seconds."""
    return [re.sub(r"\d+ s\b", "N s", line.partition(" with ")[0]) for line in text.splitlines()]


def test_only_what_is_due_is_started(project: Path) -> None:
    assert run(project, *TO_LANG).returncode == 0
    (project / "data/tiny/lang/topo").unlink()
    logs = {name: project / f"exp/tiny/log/{name}.log" for name in ("corpus", "lang")}
    sizes = {name: path.stat().st_size for name, path in logs.items()}
    again = run(project, *TO_LANG)
    assert again.stdout.splitlines()[0] == "corpus: up to date"
    grown = [name for name, path in logs.items() if path.stat().st_size > sizes[name]]
    assert grown == ["lang"]


def test_stages_and_options_are_passed_on(project: Path) -> None:
    assert run(project, "--stop-stage", "0", "--nj", "1", "--set", "name=other").returncode == 0
    assert (project / "data/other/facts.json").is_file()
    assert not (project / "data/other/lang").exists()
    assert run(project, "--stage", "1", "--stop-stage", "1", "--set", "name=other").returncode == 0
    assert (project / "data/other/lang").is_dir()


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--stage", "12"], "there is no stage '12'"),
        (["--stop-stage", "trian"], "there is no stage 'trian'"),
        (["--nj", "none"], "must be a whole number of 1 or more, not 'none'"),
        (["--stage", "5", "--stop-stage", "3"], "--stage 5 comes after --stop-stage 3"),
        (["--set", "train.epoch=3"], "did you mean 'epochs'"),
        (["--stage", "lang"], "lexicon.txt is missing; run the corpus stage"),
    ],
)
def test_what_is_wrong_is_one_sentence(project: Path, options: list[str], text: str) -> None:
    ended = run(project, *options)
    assert ended.returncode != 0
    first, *rest = ended.stderr.splitlines()
    assert text in first
    assert all(line.startswith(("log: ", "go on with: asr-prune run ")) for line in rest)


def test_go_on_with_run_sh_where_there_is_one(project: Path) -> None:
    (project / "run.sh").touch()
    last = run(project, "--stage", "lang").stderr.splitlines()[-1]
    assert last == "go on with: ./run.sh --recipe recipes/tiny --stage corpus"


def test_accepted_code_is_accepted_in_going_on_too(project: Path) -> None:
    last = run(project, "--stage", "lang", "--accept-code").stderr.splitlines()[-1]
    assert last == "go on with: asr-prune run --recipe recipes/tiny --stage corpus --accept-code"


def test_modules_in_the_current_folder_are_not_imported(project: Path) -> None:
    for name in ("numpy.py", "local.py", "yaml.py"):
        (project / name).write_text("raise SystemExit('imported')\n")
    assert run(project, "--stop-stage", "corpus").returncode == 0


def _started(project: Path) -> subprocess.Popen[str]:
    """`run` in a session of its own, waiting in its corpus stage."""
    (project / "slow.py").write_text(SLOW)
    (project / "recipes/tiny/recipe.yaml").write_text("corpus: {prepare: slow.py}\n")
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen(COMMAND, cwd=project, start_new_session=True, **pipes)  # type: ignore[call-overload]
    end = time.monotonic() + 120
    while not (project / "started").exists():
        assert time.monotonic() < end
        time.sleep(0.05)
    return process  # type: ignore[no-any-return]


def _ctrl_c(process: subprocess.Popen[str]) -> None:
    os.killpg(process.pid, signal.SIGINT)


def _kill(process: subprocess.Popen[str]) -> None:
    process.terminate()


@pytest.mark.parametrize("stop", [_ctrl_c, _kill])
def test_an_interrupted_stage_ends_the_run(project: Path, stop: Callable[[subprocess.Popen[str]], None]) -> None:
    with _started(project) as process:
        second = run(project)
        stop(process)
        _, errors = process.communicate()
    assert "exp/tiny is in use by another command" in second.stderr
    assert process.returncode == 130
    assert errors.splitlines()[0].startswith("asr-prune: corpus was interrupted")
    assert errors.splitlines()[-1].startswith("go on with: asr-prune run --recipe recipes/tiny")


def test_a_killed_stage_is_reported(project: Path) -> None:
    with _started(project) as process:
        (stage,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        os.kill(int(stage), signal.SIGKILL)
        _, errors = process.communicate()
    assert process.returncode == 1
    (line,) = errors.splitlines()
    assert "a signal (9) killed the corpus stage" in line
    assert line.endswith("asr-prune run --recipe recipes/tiny --stage corpus")
