"""Top-down clustering by splits in two (Kaldi: TreeCluster, ClusterKMeans in cluster-utils.cc)."""

from __future__ import annotations

from math import gcd

import numpy as np

from asr_prune.hmm.gmm import Doubles, Longs
from asr_prune.hmm.tying.likelihood import log_likelihood, summed

#: random starts of each split, as in cluster-phones
_STARTS = 10
#: maximum passes over all points: 20 iterations of k-means of 100 refinements each
_SWEEPS = 2000


def split_all(points: Doubles, rng: np.random.Generator) -> list[list[int]]:
    """All nodes but the root of a binary tree over points [n, 1 + 2 dim].

    A node is split if that raises the likelihood.
    """
    nodes, waiting = [], [list(range(len(points)))]
    while waiting:
        node = waiting.pop(0)
        if len(node) < 2:
            continue
        gain, side = split_in_two(points[node], rng)
        if gain > 0:
            members = np.array(node)
            children = [members[side == i].tolist() for i in (0, 1)]
            nodes += children
            waiting += children
    return [node for node in nodes if node]


def split_in_two(points: Doubles, rng: np.random.Generator) -> tuple[float, Longs]:
    """Gain in log-likelihood and side (0 or 1) of each point, of the best of _STARTS starts."""
    whole = float(log_likelihood(points.sum(0)))
    best_gain, best_side = -np.inf, np.zeros(len(points), np.int64)
    for _ in range(_STARTS):
        side = _refined(points, _start(len(points), rng))
        gain = float(log_likelihood(summed(points, side, 2)).sum()) - whole
        if gain > best_gain:
            best_gain, best_side = gain, side
    return best_gain, best_side


def _start(count: int, rng: np.random.Generator) -> Longs:
    """Puts every second point on side 1, visiting the points (at least 2) with a random step."""
    step = int(rng.integers(1, count))
    while gcd(step, count) != 1:
        step = step % (count - 1) + 1
    side = np.zeros(count, np.int64)
    side[np.arange(count) * step % count] = np.arange(count) % 2
    return side


def _refined(points: Doubles, side: Longs) -> Longs:
    """Moves one point at a time, in order, if that raises the likelihood, until none moves."""
    side, sums = side.copy(), summed(points, side, 2)
    moved, at = False, 0
    sweeps = 0
    while sweeps < _SWEEPS:
        better = np.flatnonzero(_gains(points, side, sums)[at:] > 0)
        if len(better):
            at += int(better[0])
            sums[side[at]] -= points[at]
            side[at] = 1 - side[at]
            sums[side[at]] += points[at]
            moved, at = True, at + 1
        if not len(better) or at == len(points):
            if not moved:
                break
            moved, at, sweeps = False, 0, sweeps + 1
    return side


def _gains(points: Doubles, side: Longs, sums: Doubles) -> Doubles:
    """Gain in log-likelihood of moving each point to the other side."""
    now = log_likelihood(sums).sum()
    return log_likelihood(sums[side] - points) + log_likelihood(sums[1 - side] + points) - now
