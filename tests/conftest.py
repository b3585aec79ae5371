"""Fixtures that every folder of tests shares."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

if TYPE_CHECKING:
    from asr_prune.decode.arrays import FstArrays

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


@pytest.fixture(scope="session")
def viterbi() -> Callable[..., float]:
    """`least_cost`, for tests of several folders."""
    return least_cost


def least_cost(arrays: FstArrays, acoustic: np.ndarray, column: np.ndarray) -> float:
    """Least cost of a path that reads all of acoustic [frames, columns]; column: of each input label."""
    source = arrays.sources
    emitting = arrays.arcs["ilabel"] > 0
    cost = np.full(len(arrays.counts), np.inf)
    cost[arrays.start] = 0

    def spread(costs: np.ndarray, which: np.ndarray, extra: Any) -> np.ndarray:
        reached = np.full(len(costs), np.inf)
        arcs = arrays.arcs[which]
        np.minimum.at(reached, arcs["nextstate"], costs[source[which]] + arcs["weight"] + extra)
        return reached

    for frame in (*acoustic, None):
        while True:
            closed = np.minimum(cost, spread(cost, ~emitting, 0.0))
            if np.array_equal(closed, cost):
                break
            cost = closed
        if frame is not None:
            cost = spread(cost, emitting, -frame[column[arrays.arcs["ilabel"][emitting]]])
    return float((cost + arrays.finals).min())
