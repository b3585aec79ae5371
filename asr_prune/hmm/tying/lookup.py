"""Looking up many events in a tree at once."""

from __future__ import annotations

import numpy as np

from asr_prune.hmm.gmm import Ints, Longs
from asr_prune.hmm.tree import Leaf, Node, Table, Tree


def leaves_of(tree: Tree, classes: Ints, windows: Ints) -> Longs:
    """The leaf (pdf) of each event, int64 [n], -1 if there is none.

    classes: pdf classes [n]; windows: phones in context [n, width].
    Context-independent phones may have -1 for their neighbours or not.
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
            for value, child in enumerate(node.children):
                members = rows[values == value]
                if child is not None and len(members):
                    waiting.append((child, members))
        else:
            is_in = np.isin(values, node.values)
            waiting += [(node.yes, rows[is_in]), (node.no, rows[~is_in])]
    return out
