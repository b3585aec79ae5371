"""Best paths of a lattice at many LM weights and penalties at once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from asr_prune.decode.acyclic import levels
from asr_prune.decode.arrays import FstArrays
from asr_prune.decode.options import Point

_CELLS = 2**22  # arcs times points that are computed together


class Trellis:
    """A lattice's arcs in topological order, with one more state that ends all paths.

    Raises ValueError if the lattice has a cycle.
    """

    def __init__(self, arrays: FstArrays) -> None:
        finals = np.flatnonzero(np.isfinite(arrays.finals).all(axis=1))
        self.start, self.end = arrays.start, len(arrays.finals)
        source = np.concatenate([arrays.sources, finals])
        target = np.concatenate([arrays.arcs["nextstate"], np.full(len(finals), self.end)])
        self.level = levels(source, target, self.end + 1)
        order = np.lexsort((target, self.level[target]))
        self.source, self.target = source[order], target[order]
        weights = np.concatenate([arrays.arcs["weight"], arrays.finals[finals]])
        self.costs = weights.astype(float)[order]
        ends = np.zeros(len(finals), np.int32)
        self.labels = np.concatenate([arrays.arcs["ilabel"], ends])[order]
        self.words = np.concatenate([arrays.arcs["olabel"], ends])[order]
        self.firsts = np.flatnonzero(np.diff(self.target, prepend=-1))  # arcs, of each target
        depths = self.level[self.target[self.firsts]]
        self.bounds = np.flatnonzero(np.diff(depths, prepend=-1, append=-1))  # of levels

    @cached_property
    def frames(self) -> np.ndarray:
        """The number of labels on any path to each arc, int64 [arcs] (Kaldi: LatticeStateTimes)."""
        times = np.zeros(self.end + 1, np.int64)
        into = self.target[self.firsts]
        for first, last in zip(self.bounds[:-1].tolist(), self.bounds[1:].tolist(), strict=True):
            arcs = self.firsts[first:last]
            times[into[first:last]] = times[self.source[arcs]] + (self.labels[arcs] > 0)
        return times[self.source]

    def sweep(self, points: Sequence[Point]) -> list[tuple[list[int], float]]:
        """Word ids and cost of the best path at each point, [] and infinity without one."""
        size = max(1, _CELLS // max(len(self.source), 1))
        blocks = [np.array(points[at : at + size], float) for at in range(0, len(points), size)]
        return [result for block in blocks for result in self._sweep(block)]

    def _sweep(self, points: np.ndarray) -> list[tuple[list[int], float]]:
        scales = np.stack([np.ones(len(points)), 1 / points[:, 0]])
        costs = self.costs @ scales + np.outer(self.words > 0, points[:, 1])  # [arcs, points]
        reached = self._reached(costs)
        arcs = self._best_arcs(costs, reached)
        results = zip(self._words(arcs), reached[self.end].tolist(), strict=True)
        return [(words if cost < np.inf else [], cost) for words, cost in results]

    def _reached(self, costs: np.ndarray) -> np.ndarray:
        """Cost of the best path into each state, float64 [states, points]."""
        reached = np.full((self.end + 1, costs.shape[1]), np.inf)
        if self.start >= 0:
            reached[self.start] = 0
        into = self.target[self.firsts]
        ends = np.append(self.firsts, len(self.source))
        for first, last in zip(self.bounds[:-1].tolist(), self.bounds[1:].tolist(), strict=True):
            firsts, begin, end = self.firsts[first:last], ends[first], ends[last]
            through = reached[self.source[begin:end]] + costs[begin:end]
            reached[into[first:last]] = np.minimum.reduceat(through, firsts - begin, axis=0)
        return reached

    def _best_arcs(self, costs: np.ndarray, reached: np.ndarray) -> np.ndarray:
        """Last arc of the best path into each state, [states, points]; len(arcs) at the start."""
        arcs = np.full(reached.shape, len(self.source))
        on_path = reached[self.source] + costs == reached[self.target]
        index = np.where(on_path, np.arange(len(self.source))[:, None], -1)
        arcs[self.target[self.firsts]] = np.maximum.reduceat(index, self.firsts, axis=0)
        return arcs

    def _words(self, arcs: np.ndarray) -> list[list[int]]:
        """Word ids on the best path at each point, traced back from the end."""
        source, words = np.append(self.source, self.start), np.append(self.words, 0)
        columns, state = np.arange(arcs.shape[1]), np.full(arcs.shape[1], self.end)
        reversed_words = []
        while (state != self.start).any():
            arc = arcs[state, columns]
            reversed_words.append(words[arc])
            state = source[arc]
        paths = np.array(reversed_words, np.int32).reshape(-1, len(columns))[::-1].T
        return [path[path > 0].tolist() for path in paths]
