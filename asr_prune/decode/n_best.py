"""The best distinct word sequences of a lattice."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from itertools import count

import numpy as np

from asr_prune.decode.options import Point
from asr_prune.decode.trellis import Trellis

_Reached = dict[int, float]  # cost of the best path into each state


class NBest:
    """A lattice of words, determinised only as far as the best sequences need.

    Determinising all of it takes exponential time if many words are alike. Instead, prefixes of
    word sequences are expanded best first, each with all states that it reaches and the exact cost
    to the end (Mohri and Riley 2002).
    """

    def __init__(self, trellis: Trellis, point: Point) -> None:
        costs = trellis.costs @ np.array([1, 1 / point[0]]) + point[1] * (trellis.words > 0)
        self.start, self.end, self.level = trellis.start, trellis.end, trellis.level.tolist()
        self.leaving: list[list[tuple[int, int, float]]] = [[] for _ in self.level]
        columns = (trellis.source, trellis.target, trellis.words, costs)
        arcs = zip(*(column.tolist() for column in columns), strict=True)
        for source, target, word, cost in arcs:
            self.leaving[source].append((target, word, cost))
        self.to_come = [np.inf] * len(self.level)
        self.to_come[self.end] = 0.0
        for state in np.argsort(-trellis.level, kind="stable").tolist():
            ways = (cost + self.to_come[target] for target, _, cost in self.leaving[state])
            self.to_come[state] = min(self.to_come[state], min(ways, default=np.inf))

    def __iter__(self) -> Iterator[tuple[list[int], float]]:
        """Word ids and cost of each word sequence, best first."""
        order = count()
        queue: list[tuple[float, int, list[int], _Reached | None]] = []
        if self.start >= 0 and np.isfinite(self.to_come[self.start]):
            queue.append((0.0, next(order), [], {self.start: 0.0}))
        while queue:
            estimate, _, words, reached = heapq.heappop(queue)
            if reached is None:
                yield words, estimate
                continue
            followers, ended = self._expand(reached)
            if np.isfinite(ended):
                heapq.heappush(queue, (ended, next(order), words, None))
            for word, into in followers.items():
                least = min(cost + self.to_come[state] for state, cost in into.items())
                if np.isfinite(least):
                    heapq.heappush(queue, (least, next(order), [*words, word], into))

    def _expand(self, reached: _Reached) -> tuple[dict[int, _Reached], float]:
        """The states reached by each next word, and the cost of ending without one."""
        costs, followers = dict(reached), dict[int, _Reached]()
        todo = [(self.level[state], state) for state in costs]
        heapq.heapify(todo)
        while todo:
            _, state = heapq.heappop(todo)
            for target, word, cost in self.leaving[state]:
                into = followers.setdefault(word, {}) if word else costs
                if not word and target not in into:
                    heapq.heappush(todo, (self.level[target], target))
                into[target] = min(into.get(target, np.inf), costs[state] + cost)
        return followers, costs.get(self.end, np.inf)
