"""Determinised lattices, against all paths of small random ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asr_prune.decode.arrays import FstArrays
from asr_prune.decode.determinise import determinise_lattice
from asr_prune.decode.lattice import Lattice
from asr_prune.lang.binary import LATTICE_ARC

Path = tuple[tuple[int, ...], tuple[int, ...], float, float]  # words, transition-ids, graph cost, acoustic cost


@st.composite
def lattices(draw: st.DrawFn) -> FstArrays:
    """Up to 7 states in topological order; costs are eighths, so that sums are exact."""
    states = draw(st.integers(1, 7))
    rows = []
    for source in range(states):
        for target in range(source + 1, states):
            for _ in range(draw(st.integers(0, 2))):
                tid, word = draw(st.integers(0, 3)), draw(st.integers(0, 2))
                costs = draw(st.integers(-8, 24)) / 8, draw(st.integers(-8, 24)) / 8
                rows.append((source, tid, word, *costs, target))
    return arrays(states, rows, draw(st.sets(st.integers(0, states - 1), min_size=1)))


def arrays(states: int, rows: list[tuple[int, int, int, float, float, int]], ends: set[int]) -> FstArrays:
    arcs = np.zeros(len(rows), LATTICE_ARC)
    for i, (_, tid, word, graph, acoustic, target) in enumerate(rows):
        arcs[i] = (tid, word, (graph, acoustic), target)
    finals = np.full((states, 2), np.inf, np.float32)
    for state in ends:
        finals[state] = (state / 8, 0)
    counts = np.bincount([row[0] for row in rows], minlength=states).astype(np.int64)
    return FstArrays(0, finals, counts, arcs)


def paths(lattice: FstArrays) -> list[Path]:
    """Every path from the start to an end."""
    begins = np.cumsum(lattice.counts) - lattice.counts
    found: list[Path] = []

    def follow(state: int, so_far: Path) -> None:
        words, ids, graph, acoustic = so_far
        end = lattice.finals[state]
        if np.isfinite(end).all():
            found.append((words, ids, graph + float(end[0]), acoustic + float(end[1])))
        for arc in lattice.arcs[begins[state] : begins[state] + lattice.counts[state]]:
            tid, word, weight = int(arc["ilabel"]), int(arc["olabel"]), arc["weight"]
            longer = words + (word,) * (word > 0), ids + (tid,) * (tid > 0)
            follow(int(arc["nextstate"]), (*longer, graph + float(weight[0]), acoustic + float(weight[1])))

    if lattice.start >= 0:
        follow(lattice.start, ((), (), 0.0, 0.0))
    return found


@given(lattices(), st.sampled_from([0.0, 1.0, 3.0, 100.0]), st.sampled_from([0.5, 1.0]))
@settings(max_examples=400, deadline=None)
def test_each_word_sequence_within_the_beam_is_there_once_by_its_best_path(
    lattice: FstArrays, beam: float, scale: float
) -> None:
    best: dict[tuple[int, ...], float] = {}
    every = paths(lattice)
    for words, _, graph, acoustic in every:
        best[words] = min(best.get(words, np.inf), graph + scale * acoustic)
    found = paths(determinise_lattice(lattice, scale, beam))
    assert len({words for words, *_ in found}) == len(found)
    for path in found:
        assert path in every
        assert path[2] + scale * path[3] == best[path[0]]
    limit = min(best.values(), default=0.0) + beam
    assert {words for words, cost in best.items() if cost <= limit} <= {words for words, *_ in found}


@given(lattices(), st.integers(1, 4))
@settings(max_examples=100, deadline=None)
def test_a_bound_on_states_keeps_the_best_path(lattice: FstArrays, most: int) -> None:
    every, found = paths(lattice), paths(determinise_lattice(lattice, 1.0, 100.0, most))
    assert set(found) <= set(every)
    if found and every:
        assert len({words for words, *_ in found}) == len(found)


def test_an_empty_lattice_stays_empty() -> None:
    empty = FstArrays(-1, np.zeros((0, 2), np.float32), np.zeros(0, np.int64), np.zeros(0, LATTICE_ARC))
    assert determinise_lattice(empty, 0.1, 8.0) is empty


def test_the_word_stands_on_the_first_arc_and_rescoring_reads_it() -> None:
    rows = [(0, 5, 7, 1.0, 10.0, 1), (0, 5, 7, 2.0, 10.0, 2), (1, 6, 0, 0.0, 0.0, 3), (2, 8, 9, 0.0, 0.0, 3)]
    lattice = arrays(4, rows, {3})
    found = determinise_lattice(lattice, 0.1, 8.0)
    assert sorted(words for words, *_ in paths(found)) == [(7,), (7, 9)]
    (first, cost), *_ = Lattice(found).sweep([(10.0, 0.0)])
    assert first == [7]
    assert cost == pytest.approx(1.0 + 1.0 + 3 / 8)
