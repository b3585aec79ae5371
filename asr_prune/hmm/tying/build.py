"""The decision tree that ties states (Kaldi: build-tree)."""

from __future__ import annotations

import logging
from itertools import chain

import numpy as np

from asr_prune.hmm.tree import Leaf, Node, Split, Table, Tree
from asr_prune.hmm.tying.grow import grow
from asr_prune.hmm.tying.likelihood import summed
from asr_prune.hmm.tying.lookup import leaves_of
from asr_prune.hmm.tying.merge import merge_leaves
from asr_prune.hmm.tying.questions import Questions
from asr_prune.hmm.tying.stats import TreeStats

log = logging.getLogger(__name__)

MIN_GAIN = 300.0  # log-likelihood, of a split, as build-tree
_MULTIPLE = 8  # leaves are merged until their number is one of this, as build-tree


def build_tree(
    stats: TreeStats,
    roots: list[list[int]],
    questions: Questions,
    leaves: int,
    cluster_threshold: float = -1.0,
    min_gain: float = MIN_GAIN,
) -> Tree:
    """Splits each root, a group of phones with all their states, as `questions` gain most, then merges leaves.

    leaves: at most so many before leaves are merged, or as many as roots; cluster_threshold: leaves of one root are
    merged while that loses no more log-likelihood, 0 for not at all, -1 for what the least split gained; min_gain: what
    a split must gain. The number of leaves is a multiple of 8 unless that is less than the roots. A group of phones
    without statistics has one leaf. Told is where the number is not the one asked for before merging.
    """
    stub = Tree(stats.windows.shape[1], stats.central, _stub(roots, list(range(len(roots))), stats.central))
    tree, least = _grown(stub, stats, questions, leaves, min_gain)
    if cluster_threshold:
        tree = _merged(tree, stub, stats, least if cluster_threshold < 0 else cluster_threshold, 0)
    tree = _rounded(tree, stub, stats)
    return _renumbered(tree, {leaf: number for number, leaf in enumerate(_leaves(tree.root))})


def num_leaves(tree: Tree) -> int:
    """How many different leaves a tree has."""
    return len(_leaves(tree.root))


def _stub(roots: list[list[int]], leaves: list[int], central: int) -> Node:
    """One leaf for each group of phones (GetStubMap with shared roots)."""
    if len(roots) == 1:
        return Leaf(leaves[0])
    highest = max(chain(*roots))
    if all(len(root) == 1 for root in roots) and len(roots) <= 2 * highest:
        children: list[Node | None] = [None] * (highest + 1)
        for (phone,), leaf in zip(roots, leaves, strict=True):
            children[phone] = Leaf(leaf)
        return Table(central, tuple(children))
    half = len(roots) // 2
    first, second = (_stub(roots[part], leaves[part], central) for part in (slice(half), slice(half, None)))
    return Split(central, tuple(sorted(chain(*roots[:half]))), first, second)


def _grown(stub: Tree, stats: TreeStats, questions: Questions, leaves: int, min_gain: float) -> tuple[Tree, float]:
    """The stub with its leaves split, and the least gain of all splits."""
    roots = leaves_of(stub, stats.classes, stats.windows)
    branches, least = grow(stats, roots, num_leaves(stub), questions, leaves, min_gain)
    tree = _with_leaves(stub, [branch.node() for branch in branches])
    grown = num_leaves(tree)
    if grown > leaves:
        log.warning("%d leaves where %d were asked for: each group of phones has one of its own", grown, leaves)
    if grown < leaves:
        log.warning("%d leaves where %d were asked for: no other split gains %g", grown, leaves, min_gain)
    return tree, least


def _rounded(tree: Tree, stub: Tree, stats: TreeStats) -> Tree:
    """The tree with a multiple of _MULTIPLE leaves, those without frames among them, where the roots leave room."""
    fewest, roots = num_leaves(tree) // _MULTIPLE * _MULTIPLE, num_leaves(stub)
    if fewest < roots:
        return tree
    seen = len(np.unique(leaves_of(stub, stats.classes, stats.windows)))
    return _merged(tree, stub, stats, np.inf, fewest - (roots - seen))


def _merged(tree: Tree, stub: Tree, stats: TreeStats, highest: float, fewest: int) -> Tree:
    """The tree whose leaves of the same root are merged as `merge_leaves` says."""
    leaf = leaves_of(tree, stats.classes, stats.windows)
    size = _leaves(tree.root)[-1] + 1
    roots = np.full(size, -1)
    roots[leaf] = leaves_of(stub, stats.classes, stats.windows)
    mapping = merge_leaves(summed(stats.moments, leaf, size), roots, highest, fewest)
    return _renumbered(tree, dict(enumerate(mapping.tolist())))


def _renumbered(tree: Tree, numbers: dict[int, int]) -> Tree:
    nodes: list[Node] = [Leaf(numbers.get(i, i)) for i in range(_leaves(tree.root)[-1] + 1)]
    return _with_leaves(tree, nodes)


def _with_leaves(tree: Tree, nodes: list[Node]) -> Tree:
    """The tree with nodes[i] in the place of its leaves i."""

    def replaced(node: Node) -> Node:
        if isinstance(node, Leaf):
            return nodes[node.pdf]
        if isinstance(node, Split):
            return Split(node.key, node.values, replaced(node.yes), replaced(node.no))
        return Table(node.key, tuple(child and replaced(child) for child in node.children))

    return Tree(tree.width, tree.central, replaced(tree.root))


def _leaves(node: Node) -> list[int]:
    """The numbers of the leaves below, sorted."""
    found, waiting = set(), [node]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Leaf):
            found.add(node.pdf)
        elif isinstance(node, Split):
            waiting += [node.yes, node.no]
        else:
            waiting += [child for child in node.children if child is not None]
    return sorted(found)
