"""Lattices in which every word sequence has one path: its best, with that path's alignment.

Povey, Hannemann et al. 2012, "Generating exact lattices in the WFST framework", ICASSP, section 4;
in Kaldi DeterminizeLatticePruned (lat/determinize-lattice-pruned.cc), which its decoders apply to
what they write.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from itertools import count
from typing import NamedTuple

import numpy as np

from asr_prune.decode.acyclic import levels
from asr_prune.decode.arrays import FstArrays
from asr_prune.lang.binary import LATTICE_ARC

#: states of one output lattice at most; a larger one has a narrower beam (Kaldi: --max-mem)
MOST_STATES = 50_000
#: costs that differ by less make no difference between two states (Kaldi's delta)
_DELTA = 1 / 1024


class Way(NamedTuple):
    """The best way to a state with given words: scaled cost, graph cost and acoustic cost, and its
    transition-ids.
    """

    cost: float
    graph: float
    acoustic: float
    ids: tuple[int, ...]


#: ways to several states of the input that have the same words so far
_Subset = dict[int, Way]


def determinise_lattice(lattice: FstArrays, acoustic_scale: float, beam: float, most: int = MOST_STATES) -> FstArrays:
    """The lattice with one path for each of its word sequences that is within `beam` of the best.

    lattice: acyclic, transition-ids to words; acoustic_scale: at which paths are compared. A path's
    transition-ids stand on a chain of arcs, the word on the first (Kaldi's form of
    --write-compact=false). Beyond `most` states only the best sequences are kept. Returns an empty
    lattice as it is.
    """
    return _Determiniser(lattice, acoustic_scale, beam, most).result() if lattice.start >= 0 else lattice


class _Determiniser:
    def __init__(self, lattice: FstArrays, scale: float, beam: float, most: int) -> None:
        self.scale, self.most = scale, most
        source, arcs = lattice.sources, lattice.arcs
        self.level = levels(source, arcs["nextstate"], len(lattice.finals)).tolist()
        self.leaving: list[list[tuple[int, int, int, float, float]]] = [[] for _ in self.level]
        columns = (arcs["ilabel"], arcs["olabel"], arcs["nextstate"], *arcs["weight"].astype(float).T)
        for state, *arc in zip(source.tolist(), *(column.tolist() for column in columns), strict=True):
            tid, word, target, graph, acoustic = arc
            self.leaving[state].append((tid, word, target, graph, acoustic))
        self.finals = lattice.finals.astype(float).tolist()
        self.to_come = self._to_come()
        self.limit = self.to_come[lattice.start] + beam
        self.start = {lattice.start: Way(0.0, 0.0, 0.0, ())}
        self.arcs: list[tuple[int, int, Way, int]] = []  # source, word, weight, target
        self.ends: dict[int, Way] = {}

    def _to_come(self) -> list[float]:
        """Cost of the best path from each state to an end."""
        least = [graph + self.scale * acoustic for graph, acoustic in self.finals]
        for state in np.argsort(-np.array(self.level), kind="stable").tolist():
            ways = (g + self.scale * a + least[target] for _, _, target, g, a in self.leaving[state])
            least[state] = min(least[state], min(ways, default=np.inf))
        return least

    def result(self) -> FstArrays:
        """Expands the states of the output, the most promising first."""
        numbers, order = {self._key(self.start): 0}, count()
        reached, done = {0: 0.0}, set[int]()
        queue = [(0.0, next(order), 0, self.start)]
        while queue and len(done) < self.most:
            _, _, number, subset = heapq.heappop(queue)
            if number in done:
                continue
            done.add(number)
            for word, weight, residual in self._expand(number, reached[number], subset):
                target = numbers.setdefault(self._key(residual), len(numbers))
                self.arcs.append((number, word, weight, target))
                cost = reached[number] + weight.cost
                if cost < reached.get(target, np.inf):
                    reached[target] = cost
                    heapq.heappush(queue, (cost + self._ahead(residual), next(order), target, residual))
        return _chains(len(numbers), self.arcs, self.ends)

    def _expand(self, number: int, before: float, subset: _Subset) -> Iterable[tuple[int, Way, _Subset]]:
        """Notes the end of state `number`, if it has one; yields its (word, weight, subset) within
        the beam. before: cost of the best path to it.
        """
        closed, followers = self._closed(subset)
        ends = [self._ended(way, state) for state, way in closed.items() if self.finals[state][0] < np.inf]
        if ends and before + min(ends).cost <= self.limit:
            self.ends[number] = min(ends)
        for word, into in followers.items():
            weight = _common(into)
            if before + weight.cost + self._ahead(residual := _without(into, weight)) <= self.limit:
                yield word, weight, residual

    def _closed(self, subset: _Subset) -> tuple[_Subset, dict[int, _Subset]]:
        """All states that `subset` reaches without a word, and what each word leads to."""
        ways, followers = dict(subset), dict[int, _Subset]()
        todo = [(self.level[state], state) for state in ways]
        heapq.heapify(todo)
        while todo:
            _, state = heapq.heappop(todo)
            for tid, word, target, graph, acoustic in self.leaving[state]:
                if self.to_come[target] == np.inf:
                    continue
                way = _longer(ways[state], graph, acoustic, (tid,) if tid else (), self.scale)
                into = followers.setdefault(word, {}) if word else ways
                if target not in into and not word:
                    heapq.heappush(todo, (self.level[target], target))
                if target not in into or way < into[target]:
                    into[target] = way
        return ways, followers

    def _ended(self, way: Way, state: int) -> Way:
        graph, acoustic = self.finals[state]
        return _longer(way, graph, acoustic, (), self.scale)

    def _ahead(self, subset: _Subset) -> float:
        return min(way.cost + self.to_come[state] for state, way in subset.items())

    def _key(self, subset: _Subset) -> tuple[object, ...]:
        """Equal for subsets that differ by rounding alone."""
        return tuple(
            (state, round(way.graph / _DELTA), round(way.acoustic * self.scale / _DELTA), way.ids)
            for state, way in sorted(subset.items())
        )


def _longer(way: Way, graph: float, acoustic: float, ids: tuple[int, ...], scale: float) -> Way:
    return Way(way.cost + graph + scale * acoustic, way.graph + graph, way.acoustic + acoustic, way.ids + ids)


def _common(subset: _Subset) -> Way:
    """What all ways share: the costs of the best, and the transition-ids with which all begin."""
    best, first, last = min(subset.values()), *_extremes(way.ids for way in subset.values())
    shared = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    return best._replace(ids=first[:shared])


def _extremes(ids: Iterable[tuple[int, ...]]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    every = list(ids)
    return min(every), max(every)


def _without(subset: _Subset, weight: Way) -> _Subset:
    """The ways after what they share."""
    cost, graph, acoustic, ids = weight
    return {
        state: Way(way.cost - cost, way.graph - graph, way.acoustic - acoustic, way.ids[len(ids) :])
        for state, way in subset.items()
    }


def _chains(states: int, arcs: list[tuple[int, int, Way, int]], ends: dict[int, Way]) -> FstArrays:
    """The output with one transition-id an arc, without states from which no end is reached."""
    useful = _reaching(arcs, ends)
    number = {state: i for i, state in enumerate(sorted(useful | {0}))}
    size = len(number)
    rows: list[tuple[int, int, int, float, float, int]] = []  # source, id, word, costs, target
    finals: dict[int, tuple[float, float]] = {}

    def chain(source: int, word: int, way: Way, target: int | None) -> None:
        nonlocal size
        ids = way.ids or ((0,) if target is not None else ())
        for i, tid in enumerate(ids):
            last = i + 1 == len(ids) and target is not None
            onto = target if last else size
            size += not last
            rows.append((source, tid, 0 if i else word, *((0.0, 0.0) if i else way[1:3]), int(onto or 0)))
            source = int(onto or 0)
        if target is None:
            finals[source] = (0.0, 0.0) if ids else (way.graph, way.acoustic)

    for source, word, way, target in arcs:
        if target in useful:
            chain(number[source], word, way, number[target])
    for state, way in ends.items():
        chain(number[state], 0, way, None)
    return _arrays(size, rows, finals)


def _reaching(arcs: list[tuple[int, int, Way, int]], ends: dict[int, Way]) -> set[int]:
    """States from which an end is reached."""
    into: dict[int, list[int]] = {}
    for source, _, _, target in arcs:
        into.setdefault(target, []).append(source)
    useful, todo = set(ends), list(ends)
    while todo:
        for source in into.get(todo.pop(), ()):
            if source not in useful:
                useful.add(source)
                todo.append(source)
    return useful


def _arrays(
    states: int, rows: list[tuple[int, int, int, float, float, int]], ends: dict[int, tuple[float, float]]
) -> FstArrays:
    rows.sort(key=lambda row: row[0])
    finals = np.full((states, 2), np.inf, np.float32)
    for state, costs in ends.items():
        finals[state] = costs
    arcs = np.zeros(len(rows), LATTICE_ARC)
    if rows:
        source, arcs["ilabel"], arcs["olabel"], graph, acoustic, arcs["nextstate"] = map(
            np.array, zip(*rows, strict=True)
        )
        arcs["weight"] = np.stack([graph, acoustic], 1)
        return FstArrays(0, finals, np.bincount(source, minlength=states).astype(np.int64), arcs)
    return FstArrays(0, finals, np.zeros(states, np.int64), arcs)
