"""Processes that have trained together part without a trace."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.acoustic.distributed.test_following import free_port

# an optimiser imports much of torch at its first use; a thread of a group that still lives when Python
# ends aborts the process
TRAINED = """
from pathlib import Path
import torch
from asr_prune.acoustic.distributed.processes import gathered, joined_processes

with joined_processes():
    weight = torch.nn.Parameter(torch.ones(2))
    optimiser = torch.optim.AdamW([weight])
    weight.grad = torch.ones(2)
    optimiser.step()
    assert gathered(7) == [7]
    names = [path.read_text() for path in Path("/proc/self/task").glob("*/comm")]
    assert any("gloo" in name for name in names)
print(*(path.read_text().strip() for path in Path("/proc/self/task").glob("*/comm")))
"""


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="threads are listed under /proc on Linux only")
def test_no_thread_of_the_group_outlives_it() -> None:
    place = {"RANK": "0", "WORLD_SIZE": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": free_port()}
    command = [sys.executable, "-P", "-c", TRAINED]
    ended = subprocess.run(command, env=os.environ | place, capture_output=True, text=True, timeout=120)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "gloo" not in ended.stdout
