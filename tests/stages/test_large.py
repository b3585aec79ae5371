"""A large vocabulary from text to words: the search is bounded in time and memory. Twenty minutes: `pytest --slow`."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.trains, pytest.mark.slow]
ROOT = Path(__file__).parents[2]
BAD = ("--set", "train.epochs=1", "--set", "runs=[{name: bad, prune: {method: none}}]")


def test_a_bad_network_is_searched_in_real_time_and_flat_memory(tmp_path: Path) -> None:
    recipe = ("--recipe", str(ROOT / "recipes/demo_large"))
    subprocess.run(["asr-prune", "run", *recipe, "--stop-stage", "shrink", *BAD], cwd=tmp_path, check=True)
    command = [sys.executable, str(ROOT / "tests/bench/large.py"), "exp/demo_large/runs/bad-epochs-1", *recipe, *BAD]
    figures = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True).stdout
    factors = {float(beam): float(factor) for beam, factor in re.findall(r"beam +([\d.]+) +RTF ([\d.]+)", figures)}
    assert factors[13] <= 1.0
    assert factors[15] <= 1.5
    for peaks in re.findall(r"peak ([\d/]+) MiB", figures):
        first, *_, last = map(int, peaks.split("/"))
        assert last <= 1.05 * first
