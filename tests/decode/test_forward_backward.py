"""Posteriors of arcs against all paths listed."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings

from asr_prune.decode.forward_backward import arc_posteriors
from asr_prune.decode.trellis import Trellis

from .listed import ARCS, lattice

Steps = list[tuple[int, int, int, float, float]]
POINTS = [(1.0, 0.0), (10.0, 0.5), (3.0, -1.0)]


def arc_paths(trellis: Trellis, state: int) -> list[list[int]]:
    """The arcs of every path to the end, by a slow loop."""
    if state == trellis.end:
        return [[]]
    leaving = np.flatnonzero(trellis.source == state).tolist()
    return [[arc, *rest] for arc in leaving for rest in arc_paths(trellis, int(trellis.target[arc]))]


def weight(trellis: Trellis, path: list[int], point: tuple[float, float]) -> float:
    graph, acoustic = trellis.costs[path].sum(axis=0)
    return math.exp(-graph - acoustic / point[0] - point[1] * int((trellis.words[path] > 0).sum()))


@settings(max_examples=80)
@given(ARCS)
def test_arcs_have_the_share_of_the_paths_through_them(steps: Steps) -> None:
    trellis = Trellis(lattice([(s, s + n, *rest) for s, n, *rest in steps], {8: (0.5, 1), 4: (1, 0)}).arrays)
    listed = arc_paths(trellis, trellis.start)
    for point in POINTS:
        result, weights = arc_posteriors(trellis, point), [weight(trellis, path, point) for path in listed]
        if not listed:
            assert result.total == -math.inf
            assert not result.arcs.any()
            continue
        assert result.total == pytest.approx(math.log(sum(weights)), abs=1e-9)
        for arc, posterior in enumerate(result.arcs.tolist()):
            through = sum(w for path, w in zip(listed, weights, strict=True) if arc in path)
            assert posterior == pytest.approx(through / sum(weights), abs=1e-9)


@settings(max_examples=40)
@given(ARCS)
def test_shares_divide_what_comes_into_a_state(steps: Steps) -> None:
    trellis = Trellis(lattice([(s, s + n, *rest) for s, n, *rest in steps], {8: (0.5, 1), 4: (1, 0)}).arrays)
    result = arc_posteriors(trellis, POINTS[1])
    into = np.bincount(trellis.target, result.arcs, trellis.end + 1)
    through = result.arcs > 0
    np.testing.assert_allclose((result.shares * into[trellis.target])[through], result.arcs[through], atol=1e-9)
