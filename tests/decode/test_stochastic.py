from __future__ import annotations

import math
from typing import Any

import kaldifst
import numpy as np
import pytest

from asr_prune.decode.arrays import FstArrays
from asr_prune.decode.stochastic import log_sums, push_special
from asr_prune.lang.fst import read_fst

HALF = math.log(2)


def test_log_sums_by_hand() -> None:
    fst = kaldifst.compile(f"0 1 1 1 {HALF}\n0 1 2 2 {HALF}\n1 1 3 3 {2 * HALF}\n1 {2 * HALF}\n")
    assert log_sums(FstArrays.of(fst)) == pytest.approx((0.0, HALF), abs=1e-6)
    assert log_sums(FstArrays.of(kaldifst.StdVectorFst())) == (0, 0)


def test_pushed_weights_sum_alike_and_cost_the_same(recogniser: Any) -> None:
    """G of a bigram with back-off, whose sums differ from state to state."""
    before = FstArrays.of(read_fst(recogniser.lang / "G.fst", "lang"))
    after = push_special(before)
    low, high = log_sums(after)
    assert np.ptp(log_sums(before)) > 0.1
    assert high - low < 2e-3
    acceptor = kaldifst.make_linear_acceptor(before.arcs["ilabel"][before.arcs["ilabel"] > 0][:1].tolist() * 3)
    costs = []
    for arrays in (before, after):
        best = kaldifst.shortest_path(kaldifst.compose(acceptor, arrays.fst()))
        costs.append(kaldifst.get_linear_symbol_sequence(best)[3].value)
    assert costs[0] == pytest.approx(costs[1], abs=1e-4)
