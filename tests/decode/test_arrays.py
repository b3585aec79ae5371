from __future__ import annotations

from typing import Any

import kaldifst
import numpy as np
import pytest

from asr_prune.decode.arrays import FstArrays
from asr_prune.lang.fst import read_fst

TEXT = "0 1 5 7 0.5\n0 2 0 3 1.25\n1 2 6 0 2\n2 2 4 4 0.125\n2 0.75\n"


def test_arrays_say_what_the_fst_says() -> None:
    arrays = FstArrays.of(kaldifst.compile(TEXT))
    assert arrays.start == 0
    assert arrays.counts.tolist() == [2, 1, 1]
    assert arrays.finals.tolist() == [np.inf, np.inf, 0.75]
    assert arrays.arcs.tolist() == [(5, 7, 0.5, 1), (0, 3, 1.25, 2), (6, 0, 2.0, 2), (4, 4, 0.125, 2)]


def test_back_again(recogniser: Any) -> None:
    fst = read_fst(recogniser.graph / "HCLG.fst", "graph")
    arrays = FstArrays.of(fst)
    assert arrays.fst().to_str(show_weight_one=True) == fst.to_str(show_weight_one=True)
    assert len(arrays.arcs) == recogniser.size.arcs


@pytest.mark.parametrize("label", [0, 9])
def test_changed_labels_are_seen_by_later_operations(label: int) -> None:
    """No stale property: the changed FST sorts and composes by its new labels."""
    arrays = FstArrays.of(kaldifst.compile(TEXT))
    arrays.arcs["ilabel"][0] = label
    fst = arrays.fst()
    kaldifst.arcsort(fst, "ilabel")
    through = kaldifst.compose(kaldifst.make_linear_acceptor([9, 6] if label else [6]), fst)
    assert through.num_states > 0
    assert kaldifst.get_linear_symbol_sequence(kaldifst.shortest_path(through))[0]
