"""`asr-prune train` by train.processes, torchrun and srun makes the network that one process makes."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from asr_prune.acoustic.distributed.following import first_host, in_company, take_place
from asr_prune.cli.main import main

pytestmark = pytest.mark.trains

RUN = "exp/tiny/runs/two"
COMMAND = ("-P", "-m", "asr_prune.cli.main", "train", "--recipe", "recipes/tiny", "--nj", "1")


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def slurm_task(rank: int, port: str) -> dict[str, str]:
    """What srun sets for one of two tasks on this machine, and the port, which would depend on the job."""
    step = {"SLURM_STEP_NUM_TASKS": "2", "SLURM_STEP_TASKS_PER_NODE": "2", "SLURM_STEP_NODELIST": "localhost"}
    return step | {"SLURM_PROCID": str(rank), "SLURM_LOCALID": str(rank), "MASTER_PORT": port}


def start(words: Sequence[str], project: Path, environment: dict[str, str]) -> subprocess.Popen[str]:
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    return subprocess.Popen(
        [sys.executable, *words],
        cwd=project,
        env=os.environ | environment,
        text=True,
        **pipes,  # type: ignore[call-overload]
    )


def ended(*started: subprocess.Popen[str]) -> list[str]:
    """What processes that succeed have printed."""
    printed = [process.communicate(timeout=300)[0] for process in started]
    for process, text in zip(started, printed, strict=True):
        assert process.returncode == 0, f"{process.args}: {process.returncode}\n{text}"
    return printed


def rows(project: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (project / RUN / "metrics.jsonl").read_text().splitlines()]


def survivors(project: Path) -> list[list[int]]:
    return [layer["kept"] for layer in json.loads((project / RUN / "nodes.json").read_text())["layers"]]


def test_two_processes_of_each_kind_make_the_same_network(tones: Path, tmp_path: Path) -> None:
    for stage in ("corpus", "lang", "features", "align"):
        assert main([stage, "--recipe", str(tones), "--nj", "1"]) == 0
    projects = {name: tmp_path / "copies" / name for name in ("alone", "own", "torchrun", "slurm")}
    for project in projects.values():
        shutil.copytree(tmp_path, project, ignore=shutil.ignore_patterns("copies"))
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "--no-python", sys.executable]
    printed = ended(start(COMMAND, projects["alone"], {}))
    printed += ended(start([*COMMAND, "--set", "train.processes=2"], projects["own"], {}))
    printed += ended(start([*torchrun, *COMMAND], projects["torchrun"], {}))
    port = free_port()
    printed += ended(*(start(COMMAND, projects["slurm"], slurm_task(rank, port)) for rank in range(2)))
    alone = rows(projects["alone"])
    for name, project in projects.items():
        assert survivors(project) == survivors(projects["alone"]), name
        for one, other in zip(rows(project), alone, strict=True):
            assert one["dev_ce"] == pytest.approx(other["dev_ce"], rel=1e-4), name
    # one process speaks, and the network is made: another number of processes makes it no other one
    assert all(text.count("train two: training, run 2 of 2") == 1 for text in printed[:4])
    assert printed[4] == ""
    assert printed[1].count("epoch  2/2") == 2
    assert "train two: up to date" in ended(start(COMMAND, projects["own"], {}))[0]


@pytest.mark.parametrize(
    ("nodes", "first"),
    [("localhost", "localhost"), ("gpu[003-010,12],login", "gpu003"), ("a1,a2", "a1"), ("n-2[7]", "n-27")],
)
def test_the_first_host_of_slurms_list(nodes: str, first: str) -> None:
    assert first_host(nodes) == first


def test_a_place_among_slurms_tasks_is_torchruns_unless_torchrun_gave_one() -> None:
    step = slurm_task(1, "29876") | {"SLURM_JOB_ID": "123456"}
    assert in_company(step)
    take_place(step)
    names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
    assert [step[name] for name in names] == ["1", "2", "1", "2", "localhost", "29876"]
    several = {"WORLD_SIZE": "4", "RANK": "3"} | slurm_task(0, "1")
    take_place(several)
    assert several["RANK"] == "3"
    job = {**slurm_task(0, ""), "SLURM_JOB_ID": "123456"}
    del job["MASTER_PORT"]
    take_place(job)
    assert job["MASTER_PORT"] == str(29500 + 3456)


def test_a_command_by_itself_has_no_company() -> None:
    assert not in_company({})
    assert not in_company({"WORLD_SIZE": "1"})
    assert not in_company({"SLURM_NTASKS": "4", "SLURM_PROCID": "0"})  # a batch script, without srun
