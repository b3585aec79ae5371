"""Posteriors of a lattice's arcs by forward-backward (Rabiner 1989; Kaldi: lattice-to-post)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from asr_prune.decode.options import Point
from asr_prune.decode.trellis import Trellis


@dataclass(frozen=True)
class Posteriors:
    """Posteriors of the arcs of a trellis.

    arcs: probability that a path takes the arc, float64 [arcs]; shares: share of the arc in the
    weight that arrives at its target state, float64 [arcs]; total: log of the summed weight of all
    paths, -infinity without a path.
    """

    arcs: np.ndarray
    shares: np.ndarray
    total: float


def arc_posteriors(trellis: Trellis, point: Point) -> Posteriors:
    """Posteriors under path weights exp(-cost), with the cost of `Trellis.sweep`.

    cost = graph + acoustic / LM weight + word insertion penalty * words.
    """
    weights = -trellis.costs @ np.array([1, 1 / point[0]]) - point[1] * (trellis.words > 0)
    ends = trellis.source, trellis.target
    forward = _log_sums(*ends, trellis.level, weights, trellis.start)
    backward = _log_sums(*ends[::-1], -trellis.level, weights, trellis.end)
    total = float(forward[trellis.end])
    if total == -np.inf:
        none = np.zeros(len(weights))
        return Posteriors(none, none, total)
    through = forward[trellis.source] + weights
    reached = np.where(np.isfinite(forward), forward, 0.0)[trellis.target]
    arcs = np.exp(through + backward[trellis.target] - total)
    return Posteriors(arcs, np.exp(through - reached), total)


def _log_sums(source: np.ndarray, target: np.ndarray, level: np.ndarray, weights: np.ndarray, start: int) -> np.ndarray:
    """Log of the summed weight of all paths from `start` to each state, float64 [states].

    level: rises along arcs.
    """
    order = np.lexsort((target, level[target]))
    source, target, weights = source[order], target[order], weights[order]
    firsts = np.flatnonzero(np.diff(target, prepend=-1))  # of the arcs into each state
    bounds = np.flatnonzero(np.diff(level[target[firsts]], prepend=np.inf, append=np.inf))
    firsts, sums = np.append(firsts, len(target)), np.full(len(level), -np.inf)
    if start >= 0:
        sums[start] = 0.0
    for first, last in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        begin, end = firsts[first], firsts[last]
        through = sums[source[begin:end]] + weights[begin:end]
        states = target[firsts[first:last]]
        sums[states] = np.logaddexp.reduceat(through, firsts[first:last] - begin)
    return sums
