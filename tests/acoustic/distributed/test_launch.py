"""Processes are started, say what is wrong once, and are started again if one is killed."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch

from asr_prune.acoustic.distributed.launch import in_processes
from asr_prune.acoustic.distributed.processes import check_equal, from_first, is_alone, place_of, share
from asr_prune.acoustic.distributed.updates import check_epochs
from asr_prune.errors import UserError
from asr_prune.process import worker_pool

pytestmark = pytest.mark.trains

Job = Callable[..., Any]


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module process_jobs, which fresh interpreters can import, too."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    import process_jobs

    return process_jobs


def starts(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("start*"))


def lives(process: int) -> bool:
    with suppress(OSError):
        return bool(Path(f"/proc/{process}/cmdline").read_bytes())  # empty of one that has ended
    return False


def test_one_process_is_this_one() -> None:
    assert in_processes(1, os.getpid, ()) == os.getpid()
    assert is_alone()
    assert (share().count, place_of(5), from_first("x")) == (1, (0, 5), "x")
    check_equal({}, "now")


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_a_process_whose_random_stream_is_elsewhere_is_found(device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    digests, streams = list[int](), {"cpu": 1, "cuda": 1}
    own = "asr_prune.acoustic.distributed.processes."
    monkeypatch.setattr(f"{own}is_alone", lambda: False)
    monkeypatch.setattr(f"{own}gathered", lambda number: digests.append(number) or digests)
    monkeypatch.setattr("torch.cuda.is_initialized", lambda: True)
    monkeypatch.setattr("torch.get_rng_state", lambda: torch.tensor([streams["cpu"]], dtype=torch.uint8))
    monkeypatch.setattr("torch.cuda.get_rng_state", lambda: torch.tensor([streams["cuda"]], dtype=torch.uint8))
    for _ in range(2):
        check_equal({"weight": torch.ones(2)}, "after epoch 1")
    streams[device] = 2
    with pytest.raises(UserError, match="process 2 has other weights than process 0 after epoch 1"):
        check_equal({"weight": torch.ones(2)}, "after epoch 1")


def test_processes_that_do_not_see_one_checkpoint_are_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("asr_prune.acoustic.distributed.updates.is_alone", lambda: False)
    monkeypatch.setattr("asr_prune.acoustic.distributed.updates.gathered", lambda epoch: [3, epoch])
    check_epochs(3)
    with pytest.raises(UserError, match=r"go on after epoch 3 and others after epoch 0: .* share the folder"):
        check_epochs(0)


def test_the_first_process_answers_and_its_messages_come_here(
    jobs: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.INFO, "asr_prune")
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    assert in_processes(2, jobs.places, (tmp_path,)) == ([0, 1], "the first")
    assert starts(tmp_path) == ["start0-0", "start0-1"]
    assert [record.message for record in caplog.records] == ["process 0 speaks"]
    assert "speaks" not in "".join(capfd.readouterr())
    assert handlers == [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]


def test_an_error_of_one_process_is_raised_here_and_nothing_is_started_again(jobs: Any, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^the key is wrong; set it right\.$"):
        in_processes(2, jobs.refuse, (tmp_path, 1))
    assert starts(tmp_path) == ["start0-0", "start0-1"]


def test_a_daemon_starts_them_too(jobs: Any, tmp_path: Path) -> None:
    with worker_pool(1, "spawn") as pool:  # daemons, as the workers of Dask's nannies are
        assert [*pool.starmap(in_processes, [(2, jobs.places, (tmp_path,))])] == [([0, 1], "the first")]


@pytest.mark.skipif(sys.platform != "linux", reason="needs prctl and /proc")
def test_they_end_with_the_process_that_started_them(jobs: Any, tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    parent = spawn.Process(target=in_processes, args=(2, jobs.stay, (tmp_path,)), daemon=True)
    parent.start()
    while len(found := [int(path.name[7:]) for path in tmp_path.glob("process*")]) < 2:
        assert parent.is_alive()
        time.sleep(0.1)
    parent.kill()
    until = time.monotonic() + 120
    while any(lives(number) for number in found):
        assert time.monotonic() < until
        time.sleep(0.1)


def test_after_a_kill_in_the_press_the_run_ends_as_if_there_had_been_none(
    jobs: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    whole = in_processes(2, jobs.press, (tmp_path / "whole", 0))
    killed = in_processes(2, jobs.press, (tmp_path / "killed", 15))
    assert "a training process was killed; all were started again (1 of 3)" in caplog.text
    assert all(torch.equal(value, killed[name]) for name, value in whole.items())
    trails = [(tmp_path / name / "trail.jsonl").read_bytes() for name in ("whole", "killed")]
    assert trails[0] == trails[1]


def test_processes_that_are_always_killed_stop_the_run(
    jobs: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("asr_prune.acoustic.distributed.launch.RESTARTS", 1)
    with pytest.raises(UserError, match=r"training process 1 ended with status -9, and did so after each of 1 new"):
        in_processes(2, jobs.die, (tmp_path,))
    assert starts(tmp_path) == ["start0-0", "start0-1", "start1-0", "start1-1"]
