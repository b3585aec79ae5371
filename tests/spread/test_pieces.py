"""Pieces: how they are cut into tasks, and what processes keep of them."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from asr_prune.spread.pieces import piece_workers, runs


@given(st.lists(st.integers(1, 50), max_size=40), st.integers(1, 200))
def test_runs_are_all_pieces_in_order(sizes: list[int], least: int) -> None:
    found = runs(sizes, least)
    assert [i for run in found for i in run] == list(range(len(sizes)))
    assert all(sum(sizes[i] for i in run) >= least for run in found[:-1])


def test_runs_are_not_too_many() -> None:
    assert len(runs([10] * 100_000, 10)) <= 1024


def test_a_process_does_not_take_what_it_has_read_before_for_this(tmp_path: Path) -> None:
    found = []
    for sizes in ([1, 2], [3, 4, 5]):
        with piece_workers(2, tmp_path / "pass") as chosen:
            assert chosen is not None
            found += chosen.map("asr_prune.spread.pieces:runs", [{"least": 1}], {"sizes": sizes}, {})
    assert [len(one) for one in found] == [2, 3]
