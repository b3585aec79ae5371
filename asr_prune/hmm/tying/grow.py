"""The tree of tied states: split where the likelihood gains most, then join leaves (Kaldi: build-tree;
build-tree-utils.cc).
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count

import numpy as np

from asr_prune.hmm.gmm import Doubles
from asr_prune.hmm.tree import Leaf, Node, Split, Table, Tree
from asr_prune.hmm.tying.questions import Question
from asr_prune.hmm.tying.stats import TreeStats, log_likelihood

PDF_CLASS = -1  # Kaldi's key of the state's pdf class; the other keys are places in the window
LEAST_GAIN = 300.0
MULTIPLE = 8


@dataclass
class _Place:
    """A leaf, or a split once it has been asked. rows: of the statistics; root: which root it hangs from."""

    rows: np.ndarray
    root: int
    gain: float = 0.0
    key: int = 0
    values: Question = ()
    children: tuple[_Place, _Place] | None = None
    pdf: int = -1
    total: Doubles = field(default_factory=lambda: np.zeros(0))


def build_tree(
    stats: TreeStats,
    roots: Sequence[Sequence[int]],
    questions: list[Question],
    class_questions: list[Question],
    leaves: int,
    cluster_threshold: float = -1.0,
    central: int = 1,
) -> Tree:
    """A tree of at most `leaves` leaves (more only where there are more roots) over the phones of `roots`.

    A root is a set of phones that share one subtree; one without statistics stays a leaf. Splitting stops where no
    question gains 300 in log-likelihood. Leaves under one root are joined while that costs less than
    `cluster_threshold`, or, where it is negative, than the least split gained, and then until their number is a
    multiple of 8, where there are as many roots at most; 0 joins none.
    """
    asked = {PDF_CLASS: class_questions, **dict.fromkeys(range(stats.width), questions)}
    grower = _Grower(stats, asked)
    phones = stats.events[:, 1 + central]
    places = [grower.place(np.flatnonzero(np.isin(phones, root)), i) for i, root in enumerate(roots)]
    least = grower.grow(places, leaves)
    grown = list(_leaves(places))
    for number, leaf in enumerate(grown):
        leaf.pdf = number
    if cluster_threshold:
        _join(grown, least if cluster_threshold < 0 else cluster_threshold, len(roots))
    _number(places)
    return Tree(stats.width, central, _stub(roots, [_node(place) for place in places], central))


class _Grower:
    def __init__(self, stats: TreeStats, questions: dict[int, list[Question]]) -> None:
        self.stats = stats
        self.questions = {key: own for key, own in questions.items() if own}
        highest = int(stats.events.max(initial=0))
        self.members = {key: _membership(own, highest) for key, own in self.questions.items()}

    def place(self, rows: np.ndarray, root: int) -> _Place:
        """A leaf with its best question found."""
        place = _Place(rows, root, total=self.stats.sums[rows].sum(0))
        alone = float(log_likelihood(place.total))
        for key in self.questions if len(rows) > 1 else ():
            values = self.stats.events[rows, 1 + key]
            if values.min() < 0:
                continue  # phones that do not look there
            gains = self._gains(key, values, rows, place.total)
            best = int(gains.argmax())
            if gains[best] - alone > place.gain:
                place.gain, place.key, place.values = float(gains[best] - alone), key, self.questions[key][best]
        return place

    def _gains(self, key: int, values: np.ndarray, rows: np.ndarray, total: Doubles) -> Doubles:
        """Log-likelihood after each question; -inf where one side is empty."""
        found, which = np.unique(values, return_inverse=True)
        order = np.argsort(which, kind="stable")
        starts = np.searchsorted(which, np.arange(len(found)), sorter=order)
        by_value = np.add.reduceat(self.stats.sums[rows[order]], starts, axis=0)
        yes = self.members[key][:, found]
        sums = yes @ by_value
        numbers = yes.sum(1)
        after = log_likelihood(sums) + log_likelihood(total - sums)
        return np.where((numbers == 0) | (numbers == len(found)), -np.inf, after)

    def grow(self, places: list[_Place], leaves: int) -> float:
        """Splits the leaf that gains most, again and again; returns what the least split gained, 0 where none did."""
        ties, least = count(), np.inf
        queue = [(-place.gain, next(ties), place) for place in places]
        heapq.heapify(queue)
        number = len(places)
        while queue and number < leaves and -queue[0][0] > LEAST_GAIN:
            negative, _, place = heapq.heappop(queue)
            yes = np.isin(self.stats.events[place.rows, 1 + place.key], place.values)
            place.children = (self.place(place.rows[yes], place.root), self.place(place.rows[~yes], place.root))
            for child in place.children:
                heapq.heappush(queue, (-child.gain, next(ties), child))
            number, least = number + 1, min(least, -negative)
        return float(least) if np.isfinite(least) else 0.0


def _membership(questions: list[Question], highest: int) -> Doubles:
    """float64 [questions, values]: 1 where the answer is yes."""
    member = np.zeros((len(questions), highest + 1))
    for i, question in enumerate(questions):
        member[i, [value for value in question if value <= highest]] = 1
    return member


def _leaves(places: Sequence[_Place]) -> Iterator[_Place]:
    for place in places:
        if place.children is None:
            yield place
        else:
            yield from _leaves(place.children)


class _Joiner:
    """The leaves of one root, and what joining the nearest two costs in log-likelihood (ClusterBottomUp)."""

    def __init__(self, leaves: list[_Place]) -> None:
        self.leaves = leaves
        self.sums = np.stack([leaf.total for leaf in leaves])
        self.costs = _costs(self.sums)

    @property
    def cost(self) -> float:
        return float(self.costs.min())

    def join(self) -> None:
        """Joins the nearest two."""
        nearest = np.unravel_index(int(self.costs.argmin()), self.costs.shape)
        one, other = sorted(int(i) for i in nearest)
        gone, stays = self.leaves[other].pdf, self.leaves[one].pdf
        for leaf in self.leaves:
            leaf.pdf = stays if leaf.pdf == gone else leaf.pdf
        self.sums[one] += self.sums[other]
        dead = np.isinf(self.costs[one])
        self.costs[other], self.costs[:, other] = np.inf, np.inf
        fresh = np.where(dead, np.inf, _costs_of(self.sums[one], self.sums))
        fresh[other] = np.inf
        self.costs[one], self.costs[:, one] = fresh, fresh


def _join(leaves: list[_Place], threshold: float, roots: int) -> None:
    """Gives leaves of one root that are nearer than `threshold` one number, nearest first, and then as many more as it
    takes to a multiple of 8.
    """
    groups = [[leaf for leaf in leaves if leaf.root == root] for root in sorted({leaf.root for leaf in leaves})]
    joiners = [_Joiner(group) for group in groups]
    number = len(leaves)
    while True:
        nearest = min(joiners, key=lambda joiner: joiner.cost)
        rounding = number % MULTIPLE and number - number % MULTIPLE >= roots
        if np.isinf(nearest.cost) or (nearest.cost >= threshold and not rounding):
            return
        nearest.join()
        number -= 1


def _costs(sums: Doubles) -> Doubles:
    """What joining each two costs in log-likelihood, infinity on the diagonal."""
    cost = np.stack([_costs_of(one, sums) for one in sums])
    np.fill_diagonal(cost, np.inf)
    return cost


def _costs_of(one: Doubles, sums: Doubles) -> Doubles:
    return log_likelihood(one) + log_likelihood(sums) - log_likelihood(one + sums)


def _number(places: list[_Place]) -> None:
    """Numbers the pdfs from 0 without gaps, in the order of the tree."""
    numbers: dict[int, int] = {}
    for leaf in _leaves(places):
        leaf.pdf = numbers.setdefault(leaf.pdf, len(numbers))


def _node(place: _Place) -> Node:
    if place.children is None:
        return Leaf(place.pdf)
    yes, no = place.children
    return Split(place.key, place.values, _node(yes), _node(no))


def _stub(roots: Sequence[Sequence[int]], nodes: list[Node], central: int) -> Node:
    """Finds the root of the central phone: a table where each root has one phone, else halves of the sets."""
    if len(roots) == 1:
        return nodes[0]
    if all(len(root) == 1 for root in roots):
        children: list[Node | None] = [None] * (max(root[0] for root in roots) + 1)
        for root, node in zip(roots, nodes, strict=True):
            children[root[0]] = node
        return Table(central, tuple(children))
    half = len(roots) // 2
    phones = tuple(sorted(phone for root in roots[:half] for phone in root))
    return Split(
        central, phones, _stub(roots[:half], nodes[:half], central), _stub(roots[half:], nodes[half:], central)
    )
