"""The search against a slow loop over all states and frames, and its bound."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asr_prune.decode.arrays import FstArrays
from asr_prune.decode.options import DecodeOptions
from asr_prune.decode.search.expansion import cutoff_of
from asr_prune.decode.search.graph import SearchGraph, search_graph
from asr_prune.decode.search.lattice import lattice_arrays
from asr_prune.decode.search.run import ENDLESS, FINAL, NO_PATH, PARTIAL, Found, Limits, search
from asr_prune.lang.binary import ARC

PDFS = 3
#: (source, target, pdf or -1 without input, quarter of the cost)
Arc = tuple[int, int, int, int]
ARCS = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(-1, PDFS - 1), st.integers(0, 12)),
    min_size=1,
    max_size=14,
)
WIDE = DecodeOptions(beam=1e4, lattice_beam=3.0, max_active=10**6, prune_interval=2)


def graph_of(arcs: list[Arc], finals: dict[int, float]) -> tuple[FstArrays, np.ndarray]:
    """An FST of five states and the pdf of each arc."""
    ordered = sorted(arcs)
    content = np.array([(pdf + 1, i + 1, cost / 4, target) for i, (_, target, pdf, cost) in enumerate(ordered)], ARC)
    ends = np.array([finals.get(state, math.inf) for state in range(5)], np.float32)
    counts = np.bincount([arc[0] for arc in ordered], minlength=5)
    return FstArrays(0, ends, counts, content), np.array([arc[2] for arc in ordered], np.int32)


def found_in(
    arrays: FstArrays, pdfs: np.ndarray, scores: np.ndarray, options: DecodeOptions
) -> tuple[Found, FstArrays]:
    """What the search finds, and its lattice."""
    graph, order = search_graph(arrays, pdfs)
    lookup = np.zeros(len(arrays.counts), np.int32)
    found = Found(*search(graph, 0, scores, Limits.of(options, options.lattice_beam), lookup))
    labels = np.stack([arrays.arcs["ilabel"], arrays.arcs["olabel"]], axis=1)[order]
    return found, lattice_arrays(graph, labels, scores, found)


def slow(arrays: FstArrays, pdfs: np.ndarray, scores: np.ndarray, beam: float) -> tuple[float, list[tuple[int, int]]]:
    """The best cost and, as (frame, arc), all arcs on paths within `beam` of it, by forward and backward costs."""
    states, frames, sources = len(arrays.counts), len(scores), arrays.sources
    forward, backward = np.full((frames + 1, states), np.inf), np.full((frames + 1, states), np.inf)
    forward[0, 0] = 0
    ends = arrays.finals.astype(float)

    def steps(frame: int) -> list[tuple[int, int, int, float]]:
        """(source, target, frames it takes, cost) of each arc at a frame."""
        return [
            (
                source,
                int(arc["nextstate"]),
                int(pdf >= 0),
                float(arc["weight"]) - (scores[frame, pdf] if pdf >= 0 else 0),
            )
            for source, arc, pdf in zip(sources.tolist(), arrays.arcs, pdfs.tolist(), strict=True)
            if pdf < 0 or frame < frames
        ]

    for frame in range(frames + 1):
        for _ in range(states):  # arcs without input, until nothing changes
            for source, target, taken, cost in steps(frame):
                if not taken:
                    forward[frame, target] = min(forward[frame, target], forward[frame, source] + cost)
        for source, target, taken, cost in steps(frame):
            if taken:
                forward[frame + 1, target] = min(forward[frame + 1, target], forward[frame, source] + cost)
    backward[frames] = ends if np.isfinite(forward[frames] + ends).any() else 0
    for frame in range(frames, -1, -1):
        for source, target, taken, cost in steps(frame):
            if taken:
                backward[frame, source] = min(backward[frame, source], backward[frame + 1, target] + cost)
        for _ in range(states):
            for source, target, taken, cost in steps(frame):
                if not taken:
                    backward[frame, source] = min(backward[frame, source], backward[frame, target] + cost)
    best = float((forward[frames] + backward[frames]).min())
    kept = [
        (frame, arc)
        for frame in range(frames + 1)
        for arc, (source, target, taken, cost) in _numbered(steps(frame), pdfs, frame < frames)
        if forward[frame, source] + cost + backward[frame + taken, target] <= best + beam
    ]
    return best, kept


def _numbered(steps: list, pdfs: np.ndarray, all_arcs: bool) -> list:
    numbers = [arc for arc, pdf in enumerate(pdfs.tolist()) if all_arcs or pdf < 0]
    return list(zip(numbers, steps, strict=True))


@settings(max_examples=300, deadline=None)
@given(
    ARCS, st.dictionaries(st.integers(0, 4), st.integers(0, 8).map(lambda n: n / 4)), st.integers(1, 6), st.randoms()
)
def test_the_lattice_has_the_arcs_of_all_paths_within_the_beam(
    arcs: list[Arc], finals: dict[int, float], frames: int, dice: object
) -> None:
    arrays, pdfs = graph_of(arcs, finals)
    scores = np.array([[-dice.randrange(16) / 4 for _ in range(PDFS)] for _ in range(frames)], np.float32)  # type: ignore[attr-defined]
    found, lattice = found_in(arrays, pdfs, scores, WIDE)
    best, kept = slow(arrays, pdfs, scores, WIDE.lattice_beam)
    if best == math.inf:
        assert found.status == NO_PATH
        return
    # all costs are multiples of 1/4, so that rounding decides nothing
    assert found.status in (FINAL, PARTIAL)
    frame = np.searchsorted(found.frames.tokens, lattice.sources, side="right") - 1
    assert sorted(zip(frame.tolist(), (lattice.arcs["olabel"] - 1).tolist(), strict=True)) == sorted(kept)
    assert _shortest(lattice) == best


def _shortest(lattice: FstArrays) -> float:
    """Cost of the best path, by relaxing all arcs until nothing changes."""
    reached = np.full(len(lattice.counts), np.inf)
    reached[0] = 0
    for _ in range(len(lattice.counts) + 1):
        np.minimum.at(reached, lattice.arcs["nextstate"], reached[lattice.sources] + lattice.arcs["weight"].sum(1))
    return float((reached + lattice.finals.sum(1)).min())


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.integers(0, 40), min_size=1, max_size=60), st.integers(2, 50), st.integers(0, 50), st.integers(1, 30)
)
def test_the_cutoff_keeps_at_most_and_at_least_as_many(costs: list[int], most: int, least: int, beam: int) -> None:
    array, least = np.array(costs, np.float32), min(least, most)
    cutoff, implied = cutoff_of(array, np.float32(beam), most, least, np.float32(0.5))
    best, ordered = min(costs), sorted(costs)
    if len(costs) > most and ordered[most] < best + beam:
        assert (cutoff, implied) == (ordered[most], ordered[most] - best + 0.5)
    elif len(costs) > least and ordered[least] > best + beam:
        assert (cutoff, implied) == (ordered[least], ordered[least] - best + 0.5)
    else:
        assert (cutoff, implied) == (best + beam, beam)


def random_graph(states: int, dice: np.random.Generator) -> tuple[FstArrays, np.ndarray]:
    """Each state has five arcs with input and, in every third, one without."""
    pdfs = np.where(np.arange(6 * states) % 18 == 5, -1, dice.integers(0, PDFS, 6 * states)).astype(np.int32)
    arcs = np.zeros(6 * states, ARC)
    arcs["ilabel"], arcs["olabel"] = pdfs + 1, 0
    arcs["nextstate"], arcs["weight"] = dice.integers(0, states, len(arcs)), dice.random(len(arcs))
    return FstArrays(0, np.zeros(states, np.float32), np.full(states, 6), arcs), pdfs


@pytest.mark.parametrize("max_active", [20, 200])
def test_max_active_bounds_tokens_whatever_the_scores(max_active: int) -> None:
    dice = np.random.default_rng(1)
    arrays, pdfs = random_graph(3000, dice)
    scores = np.zeros((60, PDFS), np.float32)  # a network that knows nothing
    options = DecodeOptions(beam=1e3, lattice_beam=1e3, max_active=max_active, min_active=10)
    found, _ = found_in(arrays, pdfs, scores, options)
    # six arcs leave a token, and those without input lead on within the frame
    assert np.diff(found.frames.tokens).max() <= 8 * max_active + 8
    assert found.status == FINAL


@pytest.mark.parametrize("interval", [1, 3, 25, 1000])
def test_the_interval_of_pruning_changes_nothing(interval: int) -> None:
    dice = np.random.default_rng(2)
    arrays, pdfs = random_graph(200, dice)
    scores = dice.normal(0, 3, (80, PDFS)).astype(np.float32)
    options = DecodeOptions(beam=12.0, lattice_beam=4.0, min_active=0)
    _, whole = found_in(arrays, pdfs, scores, DecodeOptions(**{**vars(options), "prune_interval": 10**6}))
    _, pruned = found_in(arrays, pdfs, scores, DecodeOptions(**{**vars(options), "prune_interval": interval}))
    assert pruned.bytes() == whole.bytes()


def test_a_cycle_of_negative_cost_ends() -> None:
    arrays, pdfs = graph_of([(0, 1, -1, -4), (1, 0, -1, 0), (0, 2, 0, 0)], {2: 0.0})
    found, lattice = found_in(arrays, pdfs, np.zeros((2, PDFS), np.float32), WIDE)
    assert found.status == ENDLESS
    assert not len(lattice.counts)


def test_arcs_without_input_come_first() -> None:
    arrays, pdfs = random_graph(50, np.random.default_rng(3))
    graph, order = search_graph(arrays, pdfs)
    assert isinstance(graph, SearchGraph)
    for state in range(50):
        middle = graph.emitting[state]
        assert (graph.pdf[graph.begin[state] : middle] < 0).all()
        assert (graph.pdf[middle : graph.begin[state + 1]] >= 0).all()
    assert (arrays.sources[order] == arrays.sources).all()
    assert sorted(order.tolist()) == list(range(300))
