"""`import asr_prune` is light, and offers what the package documents."""

from __future__ import annotations

import subprocess
import sys

import pytest

import asr_prune


def test_the_import_is_light() -> None:
    code = "import asr_prune, sys; print(*(name for name in sys.modules if '.' not in name))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert not set(done.stdout.split()) & {"torch", "numpy", "yaml", "pydantic"}
    assert {"prune", "shrink", "verify", "load_run"} <= set(dir(asr_prune))


def test_other_names_are_not_there() -> None:
    with pytest.raises(AttributeError, match="module 'asr_prune' has no attribute 'prunes'"):
        _ = asr_prune.prunes
