from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from asr_prune.decode.acyclic import levels
from asr_prune.decode.arrays import FstArrays
from asr_prune.decode.decoder import Decoder
from asr_prune.decode.lattice import Lattice
from asr_prune.decode.options import DecodeOptions
from asr_prune.lang.binary import ARC

from .listed import ARCS, cost, lattice, paths

POINTS = [(1, 0.0), (10, 0.0), (10, 2.0), (3, -1.0)]


@settings(max_examples=60)
@given(ARCS)
def test_sweep_and_n_best_are_those_of_all_paths_listed(steps: list[tuple[int, int, int, float, float]]) -> None:
    output = lattice(
        [(source, source + step, word, g, a) for source, step, word, g, a in steps], {8: (0.5, 1), 4: (1, 0)}
    )
    listed = paths(output)
    for point, (words, result) in zip(POINTS, output.sweep(POINTS), strict=True):
        if not listed:
            assert (words, result, output.n_best(3, point)) == ([], math.inf, [])
            continue
        assert result == pytest.approx(min(cost(path, point) for path in listed), abs=1e-9)
        assert any(path[0] == tuple(words) and cost(path, point) == pytest.approx(result) for path in listed)
        best = {said: min(cost(path, point) for path in same) for said, same in _by_words(listed).items()}
        n_best = output.n_best(3, point)
        assert [c for _, c in n_best] == pytest.approx(sorted(best.values())[:3], abs=2e-2)
        assert len({tuple(said) for said, _ in n_best}) == len(n_best) == min(3, len(best))


def _by_words(listed: list[Any]) -> dict[tuple[int, ...], list[Any]]:
    return {k: list(v) for k, v in itertools.groupby(sorted(listed), key=lambda path: path[0])}


@pytest.mark.parametrize("dearer", [0, 1, 2])
def test_of_arcs_between_two_states_the_cheaper_is_taken(dearer: int) -> None:
    """Wherever it stands among them."""
    arcs = [(0, 1, 10 + i, 0.0, 2.0) for i in range(3)]
    arcs[dearer] = (0, 1, 10 + dearer, 0.0, 1.0)
    output = lattice([*arcs, (1, 2, 20, 0.0, 0.0)], {2: (0.0, 0.0)})
    assert output.sweep([(1, 0.0)]) == [([10 + dearer, 20], 1.0)]


def test_many_points_are_weighed_in_blocks(monkeypatch: pytest.MonkeyPatch, recogniser: Any) -> None:
    own = Decoder(recogniser.graph, DecodeOptions()).lattice(recogniser.loglikes(1, 40))
    points = [(weight, penalty) for weight in range(1, 18) for penalty in (0.0, 1.0)]
    whole = own.sweep(points)
    monkeypatch.setattr("asr_prune.decode.trellis._CELLS", 5 * len(own.arrays.arcs))
    assert own.sweep(points) == whole


@settings(max_examples=60, deadline=None)
@given(ARCS)
def test_levels_are_arcs_on_the_longest_path(steps: list[tuple[int, int, int, float, float]]) -> None:
    arcs = [(source, source + step) for source, step, *_ in steps]
    states = 1 + max((target for _, target in arcs), default=0)
    longest = [0] * states
    for _ in arcs:
        for source, target in arcs:
            longest[target] = max(longest[target], longest[source] + 1)
    source, target = np.array(arcs, int).reshape(-1, 2).T
    assert levels(source, target, states).tolist() == longest


def test_distinct_sentences_of_a_search(recogniser: Any) -> None:
    own = Decoder(recogniser.graph, DecodeOptions(lattice_beam=12.0)).lattice(recogniser.loglikes(4, 60))
    result = own.n_best(20, (10, 0.0))
    assert len({tuple(words) for words, _ in result}) == len(result) == 20
    assert [c for _, c in result] == sorted(c for _, c in result)
    assert result[0][1] == pytest.approx(own.sweep([(10, 0.0)])[0][1], abs=2e-2)


def test_not_a_lattice_and_cycles() -> None:
    with pytest.raises(ValueError, match="not a lattice"):
        Lattice(FstArrays(0, np.zeros(1, np.float32), np.zeros(1, int), np.zeros(0, ARC)))
    with pytest.raises(ValueError, match="cycle"):
        lattice([(0, 1, 1, 0, 0), (1, 0, 1, 0, 0)], {1: (0, 0)}).sweep([(10, 0.0)])
