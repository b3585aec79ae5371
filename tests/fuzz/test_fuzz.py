"""One damaged file of each kind: a sentence or a visible difference, never a crash and never silence."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.trains
FUZZ = Path(__file__).with_name("fuzz.py")


def test_one_input_of_each_kind() -> None:
    ran = subprocess.run([sys.executable, FUZZ, "--inputs", "30", "--seed", "1"], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
