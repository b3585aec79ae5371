"""Building the decision tree that ties states (Kaldi: build-tree)."""

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

#: minimum gain in log-likelihood of a split, as in build-tree
MIN_GAIN = 300.0
#: leaves are merged until their number is a multiple of this, as in build-tree
_MULTIPLE = 8


def build_tree(
    stats: TreeStats,
    roots: list[list[int]],
    questions: Questions,
    leaves: int,
    cluster_threshold: float = -1.0,
    min_gain: float = MIN_GAIN,
) -> Tree:
    """Splits the roots by the most useful questions, then merges leaves.

    A root is a group of phones with all their states; without statistics it remains one leaf.
    leaves: maximum before merging (at least one per root); cluster_threshold: leaves of the same
    root are merged while that costs at most this much log-likelihood, 0: never, -1: the smallest
    gain of any split; min_gain: minimum gain of a split. The number of leaves is a multiple of 8
    unless there would be fewer than roots. Logs a warning if the number before merging differs from
    `leaves`.
    """
    root = _stub(roots, list(range(len(roots))), stats.central)
    stub = Tree(stats.windows.shape[1], stats.central, root)
    tree, least = _grown(stub, stats, questions, leaves, min_gain)
    if cluster_threshold:
        tree = _merged(tree, stub, stats, least if cluster_threshold < 0 else cluster_threshold, 0)
    tree = _rounded(tree, stub, stats)
    return _renumbered(tree, {leaf: number for number, leaf in enumerate(_leaves(tree.root))})


def num_leaves(tree: Tree) -> int:
    """Number of different leaves of a tree."""
    return len(_leaves(tree.root))


def _stub(roots: list[list[int]], leaves: list[int], central: int) -> Node:
    """One leaf per group of phones (GetStubMap with shared roots)."""
    if len(roots) == 1:
        return Leaf(leaves[0])
    highest = max(chain(*roots))
    if all(len(root) == 1 for root in roots) and len(roots) <= 2 * highest:
        children: list[Node | None] = [None] * (highest + 1)
        for (phone,), leaf in zip(roots, leaves, strict=True):
            children[phone] = Leaf(leaf)
        return Table(central, tuple(children))
    half = len(roots) // 2
    first = _stub(roots[:half], leaves[:half], central)
    second = _stub(roots[half:], leaves[half:], central)
    return Split(central, tuple(sorted(chain(*roots[:half]))), first, second)


def _grown(stub: Tree, stats: TreeStats, questions: Questions, leaves: int, min_gain: float) -> tuple[Tree, float]:
    """The stub with its leaves split, and the smallest gain of any split."""
    roots = leaves_of(stub, stats.classes, stats.windows)
    branches, least = grow(stats, roots, num_leaves(stub), questions, leaves, min_gain)
    tree = _with_leaves(stub, [branch.node() for branch in branches])
    grown = num_leaves(tree)
    if grown > leaves:
        log.warning("%d leaves instead of %d: each group of phones needs one", grown, leaves)
    if grown < leaves:
        message = "%d leaves instead of %d: no further split gains %g"
        log.warning(message, grown, leaves, min_gain)
    return tree, least


def _rounded(tree: Tree, stub: Tree, stats: TreeStats) -> Tree:
    """The tree merged down to a multiple of _MULTIPLE leaves, unless that is fewer than the roots.

    Leaves without frames count too, but cannot be merged.
    """
    fewest, roots = num_leaves(tree) // _MULTIPLE * _MULTIPLE, num_leaves(stub)
    if fewest < roots:
        return tree
    seen = len(np.unique(leaves_of(stub, stats.classes, stats.windows)))
    return _merged(tree, stub, stats, np.inf, fewest - (roots - seen))


def _merged(tree: Tree, stub: Tree, stats: TreeStats, highest: float, fewest: int) -> Tree:
    """The tree with leaves of the same root merged by `merge_leaves`."""
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
    """The tree with leaf i replaced by nodes[i]."""

    def replaced(node: Node) -> Node:
        if isinstance(node, Leaf):
            return nodes[node.pdf]
        if isinstance(node, Split):
            return Split(node.key, node.values, replaced(node.yes), replaced(node.no))
        return Table(node.key, tuple(child and replaced(child) for child in node.children))

    return Tree(tree.width, tree.central, replaced(tree.root))


def _leaves(node: Node) -> list[int]:
    """Numbers of the leaves below `node`, sorted."""
    leaves, waiting = set(), [node]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Leaf):
            leaves.add(node.pdf)
        elif isinstance(node, Split):
            waiting += [node.yes, node.no]
        else:
            waiting += [child for child in node.children if child is not None]
    return sorted(leaves)
