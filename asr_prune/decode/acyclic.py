"""Cycles in FSTs."""

from __future__ import annotations

import numpy as np

from asr_prune.decode.arrays import FstArrays


def check_epsilons(graph: FstArrays) -> None:
    """Raises ValueError if a cycle consumes no frame: Kaldi's decoders do not end in one of
    negative cost, and no lattice can have one.
    """
    free = graph.arcs["ilabel"] == 0
    try:
        levels(graph.sources[free], graph.arcs["nextstate"][free], len(graph.finals))
    except ValueError:
        raise ValueError("it has a cycle without input labels") from None


def levels(source: np.ndarray, target: np.ndarray, states: int) -> np.ndarray:
    """Number of arcs on the longest path to each state, int64 [states].

    source, target: states of each arc. Raises ValueError if there is a cycle.
    """
    order = np.argsort(source, kind="stable")
    followers, firsts = target[order], np.searchsorted(source[order], np.arange(states + 1))
    waiting, level = np.bincount(target, minlength=states), np.full(states, -1)
    ready, depth = np.flatnonzero(waiting == 0), 0
    while len(ready):
        level[ready] = depth
        reached = followers[_ranges(firsts[ready], firsts[ready + 1])]
        np.subtract.at(waiting, reached, 1)
        ready, depth = np.unique(reached[waiting[reached] == 0]), depth + 1
    if (level < 0).any():
        raise ValueError("its arcs form a cycle")
    return level


def _ranges(begins: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """The numbers from each of `begins` up to its end, one range after the other."""
    sizes = ends - begins
    return np.repeat(ends - np.cumsum(sizes), sizes) + np.arange(sizes.sum())
