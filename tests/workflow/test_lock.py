"""One command at a time on an experiment."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from asr_prune.errors import UserError
from asr_prune.workflow import lock
from asr_prune.workflow.lock import RUN, alone, locked


def another(folder: Path, run: int | None = None) -> subprocess.CompletedProcess[str]:
    """What another process sees that wants `folder`, by itself or as a stage of run.sh number `run`."""
    path = str(folder / ".lock")
    code = "from pathlib import Path; from asr_prune.workflow.lock import locked;"
    code += f"locked(Path({path!r})).__enter__()"
    own = {**os.environ, RUN: str(run or "")}
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=own)


def test_two_at_once_is_one_sentence(tmp_path: Path) -> None:
    with locked(tmp_path / ".lock"):
        ended = another(tmp_path)
    assert ended.returncode != 0
    assert f"{tmp_path} is in use by another command (process {os.getpid()})" in ended.stderr
    assert another(tmp_path).returncode == 0


def test_a_run_keeps_the_folder_between_its_stages(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as run:
        assert another(tmp_path, run.pid).returncode == 0
        assert another(tmp_path, run.pid).returncode == 0
        refused = another(tmp_path)
        run.kill()
    assert f"in use by another command (process {run.pid})" in refused.stderr
    assert another(tmp_path).returncode == 0


@pytest.fixture
def no_proc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on macOS and Windows."""
    monkeypatch.setattr(lock, "_PROC", tmp_path / "no proc")


def test_without_proc_a_run_is_known_by_ps(tmp_path: Path, no_proc: None) -> None:
    path = tmp_path / ".lock"
    with subprocess.Popen(["sleep", "60"]) as run:
        path.write_text(lock._identity(run.pid))
        with pytest.raises(UserError, match=f"process {run.pid}"), locked(path):
            pass
        run.kill()
    with locked(path):
        assert path.read_text().startswith(f"{os.getpid()} ")
    assert path.read_text() == ""


def test_without_proc_and_ps_only_the_lock_counts(
    tmp_path: Path, no_proc: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    path = tmp_path / ".lock"
    path.write_text(str(os.getppid()))
    with locked(path):
        assert path.read_text() == str(os.getpid())
        refused = another(tmp_path)
    assert f"in use by another command (process {os.getpid()})" in refused.stderr


def test_a_process_number_that_was_given_again_holds_nothing(tmp_path: Path) -> None:
    (tmp_path / ".lock").write_text(f"{os.getppid()} 1")
    assert another(tmp_path).returncode == 0


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write"), locked(tmp_path / "file/exp/.lock"):
        pass


HOLDING = """
import sys
from pathlib import Path
from asr_prune.workflow.lock import alone
with alone(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_run_is_made_by_one_process_and_free_once_that_is_killed(tmp_path: Path) -> None:
    folder = tmp_path / "one/.stages"
    command, pipe = [sys.executable, "-c", HOLDING, str(folder)], subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe) as other:
        assert other.stdout is not None
        other.stdout.readline()
        says = "one has been in use by another process for 0.1 s; end that process"
        with pytest.raises(UserError, match=says), alone(folder, patience=0.1):
            pass
        threading.Timer(1.0, other.kill).start()
        with alone(folder, patience=60) as waited:
            assert waited
    with alone(folder) as waited:
        assert not waited
