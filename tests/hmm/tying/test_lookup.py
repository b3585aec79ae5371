from __future__ import annotations

from itertools import product

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from asr_prune.hmm.tree import Leaf, Node, Split, Table, Tree
from asr_prune.hmm.tying.lookup import leaves_of

EVENTS = list(product(range(3), range(4), range(1, 4), range(4)))


def inner(children: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    keys = st.integers(-1, 2)
    values = st.lists(st.integers(0, 3), max_size=3, unique=True).map(lambda v: tuple(sorted(v)))
    tables = st.builds(Table, keys, st.lists(st.none() | children, min_size=1, max_size=5).map(tuple))
    return tables | st.builds(Split, keys, values, children, children)


@given(root=st.recursive(st.builds(Leaf, st.integers(0, 9)), inner, max_leaves=10))
def test_is_kaldis_answer(root: Node) -> None:
    tree = Tree(3, 1, root)
    events = np.array(EVENTS, np.int32)
    found = leaves_of(tree, events[:, 0], events[:, 1:])
    native = tree.to_khg()
    for event, leaf in zip(EVENTS, found.tolist(), strict=True):
        known, pdf = native.compute(list(event[1:]), event[0])
        assert leaf == (pdf if known else -1)
