"""Fixtures that every folder of tests shares."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# small networks on a machine that others use too: threads that wait for each other cost more than they bring
os.environ.setdefault("OMP_NUM_THREADS", "1")

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def an4_root() -> Path:
    """The AN4 corpus: $AN4_ROOT, or ../shared/corpora/an4 beside the checkout.

    The test is skipped, saying so, where neither exists.
    """
    root = Path(os.environ.get("AN4_ROOT", ROOT.parent / "shared/corpora/an4"))
    if not (root / "etc").is_dir():
        pytest.skip(f"AN4 is not at {root}; set AN4_ROOT to run this test on human speech")
    return root.resolve()
