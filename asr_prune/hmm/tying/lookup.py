"""The leaves of a tree for many events at once."""

from __future__ import annotations

import numpy as np

from asr_prune.hmm.gmm import Ints, Longs
from asr_prune.hmm.tree import Leaf, Node, Table, Tree


def leaves_of(tree: Tree, classes: Ints, windows: Ints) -> Longs:
    """The leaf, which is a pdf, for pdf classes [n] of phones in windows [n, width]; int64 [n], -1 where there is none.

    A tree that was built from windows where context-independent phones have -1 for what is not asked takes both these
    and windows without gaps.
    """
    out = np.full(len(classes), -1)
    waiting: list[tuple[Node, Longs]] = [(tree.root, np.arange(len(classes)))]
    while waiting:
        node, rows = waiting.pop()
        if isinstance(node, Leaf):
            out[rows] = node.pdf
            continue
        values = classes[rows] if node.key < 0 else windows[rows, node.key]
        if isinstance(node, Table):
            own = ((child, rows[values == value]) for value, child in enumerate(node.children) if child is not None)
            waiting += [(child, some) for child, some in own if len(some)]
        else:
            is_in = np.isin(values, node.values)
            waiting += [(node.yes, rows[is_in]), (node.no, rows[~is_in])]
    return out
