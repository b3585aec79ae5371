"""Growing the tree: the split with the highest gain comes first (Kaldi: SplitDecisionTree)."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from asr_prune.hmm.gmm import Bools, Doubles, Ints, Longs
from asr_prune.hmm.tree import Leaf, Node, Split
from asr_prune.hmm.tying.likelihood import ROUNDING, log_likelihood, summed
from asr_prune.hmm.tying.questions import Questions
from asr_prune.hmm.tying.stats import TreeStats


@dataclass
class Branch:
    """A leaf with the events `rows`; with children, a question: is the value of `key` in `values`?

    gain: in log-likelihood, of the best question; 0 if there is none.
    """

    leaf: int
    rows: Longs
    gain: float = 0.0
    key: int = -1
    values: tuple[int, ...] = ()
    children: list[Branch] = field(default_factory=list)

    def node(self) -> Node:
        if not self.children:
            return Leaf(self.leaf)
        yes, no = (child.node() for child in self.children)
        return Split(self.key, self.values, yes, no)


class _Entry(NamedTuple):
    """Sorted as Kaldi breaks ties."""

    loss: float
    root: int
    path: tuple[int, ...]
    branch: Branch


class Grower:
    """The best question for any set of events."""

    def __init__(self, stats: TreeStats, questions: Questions) -> None:
        self.stats = stats
        self.values = {key: stats.values(key) for key in stats.keys}
        self.questions = {key: list(map(tuple, questions.at(key))) for key in stats.keys}
        self.members = {key: _members(self.questions[key], self.values[key]) for key in stats.keys}

    def branch(self, leaf: int, rows: Longs) -> Branch:
        """A leaf with its best question."""
        branch = Branch(leaf, rows)
        for key in self.stats.keys:
            question, gain = self._best(key, rows)
            if gain > branch.gain * (1 + ROUNDING):
                branch.gain, branch.key = gain, key
                branch.values = self.questions[key][question]
        return branch

    def split(self, branch: Branch, new_leaf: int) -> None:
        """Splits: events in the set keep the number of the leaf, the others get `new_leaf`."""
        is_in = np.isin(self.values[branch.key][branch.rows], branch.values)
        branch.children = [
            self.branch(branch.leaf, branch.rows[is_in]),
            self.branch(new_leaf, branch.rows[~is_in]),
        ]

    def _best(self, key: int, rows: Longs) -> tuple[int, float]:
        """The first question with the highest gain, and that gain; 0 if nothing is split."""
        values, groups = np.unique(self.values[key][rows], return_inverse=True)
        if len(values) < 2 or (key >= 0 and values[0] < 0):
            return 0, 0.0
        questions, members = _different(self.members[key][:, values])
        if not len(questions):
            return 0, 0.0
        sums = summed(self.stats.moments[rows], groups, len(values))
        total = sums.sum(0)
        yes = members @ sums
        gains = log_likelihood(yes) + log_likelihood(total - yes) - log_likelihood(total)
        best = int((gains >= gains.max() * (1 - ROUNDING)).argmax())
        return int(questions[best]), float(gains[best])


def grow(
    stats: TreeStats,
    roots: Longs,
    num_roots: int,
    questions: Questions,
    leaves: int,
    thresh: float,
) -> tuple[list[Branch], float]:
    """Splits roots [events] up to `leaves` leaves, while a split gains more than `thresh`.

    Leaf r is root r before it is split. Returns the branches of the roots, and the smallest gain of
    any split, infinity if there was none.
    """
    grower = Grower(stats, questions)
    branches = [grower.branch(root, np.flatnonzero(roots == root)) for root in range(num_roots)]
    queue = [_Entry(-branch.gain, -branch.leaf, (), branch) for branch in branches]
    heapq.heapify(queue)
    least = np.inf
    for new_leaf in range(num_roots, leaves):
        gain, root, path, branch = heapq.heappop(queue)
        if -gain <= thresh:
            break
        least = min(least, -gain)
        grower.split(branch, new_leaf)
        for side, child in enumerate(branch.children):
            heapq.heappush(queue, _Entry(-child.gain, root, (*path, side), child))
    return branches, least


def _members(questions: list[tuple[int, ...]], values: Ints) -> Bools:
    """Which values, 0 to the highest, each question contains, [questions, values]."""
    out = np.zeros((len(questions), int(values.max(initial=0)) + 1), bool)
    for row, question in zip(out, questions, strict=True):
        row[[value for value in question if value < len(row)]] = True
    return out


def _different(members: Bools) -> tuple[Longs, Doubles]:
    """Indices of the questions that split, without equivalent ones, and their rows.

    members: [questions, values].
    """
    sides = members ^ members[:, :1]  # a question and its complement are equivalent
    packed = np.ascontiguousarray(np.packbits(sides, axis=1))
    _, first = np.unique(packed.view(f"V{packed.shape[1]}").ravel(), return_index=True)
    first.sort()
    splits = members[first].any(1) & ~members[first].all(1)
    return first[splits], members[first[splits]].astype(np.float64)
