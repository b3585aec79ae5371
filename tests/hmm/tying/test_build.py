from __future__ import annotations

from itertools import product
from typing import Any

import kaldi_hmm_gmm as khg
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asr_prune.hmm.kaldi_model import parsed_topology
from asr_prune.hmm.tree import Leaf, Node, Split, Table, Tree
from asr_prune.hmm.tying.build import build_tree, num_leaves
from asr_prune.hmm.tying.grow import grow
from asr_prune.hmm.tying.lookup import leaves_of
from asr_prune.hmm.tying.questions import Questions
from asr_prune.hmm.tying.stats import TreeStats


def all_events(walk: Any) -> np.ndarray:
    """(pdf class, phones of the window) for every phone in every context, 0 included."""
    classes = parsed_topology(walk.lang.topo, "topo").get_phone_to_num_pdf_classes()
    phones = [phone for group in walk.lang.shared for phone in group]
    around = [0, *phones]
    events = [(c, a, b, d) for b in phones for c in range(classes[b]) for a, d in product(around, around)]
    return np.array(events, np.int32)


@pytest.mark.parametrize("leaves", [9, 24, 57, 400])
@pytest.mark.parametrize("cluster_threshold", [-1.0, 0.0, 200.0])
def test_every_state_in_every_context_has_a_pdf(walk: Any, leaves: int, cluster_threshold: float) -> None:
    tree = build_tree(walk.stats, walk.lang.shared, walk.questions, leaves, cluster_threshold, min_gain=30.0)
    count = num_leaves(tree)
    assert count <= leaves
    assert count % 8 == 0
    events = all_events(walk)
    found = leaves_of(tree, events[:, 0], events[:, 1:])
    assert set(found.tolist()) == set(range(count))
    native = tree.to_khg()
    assert native.num_pdfs == count
    for row in np.random.default_rng(0).choice(len(events), 300):
        assert native.compute(events[row, 1:].tolist(), int(events[row, 0])) == (True, found[row])


def test_roots_share_no_leaf_and_an_unseen_phone_has_one(walk: Any) -> None:
    tree = build_tree(walk.stats, walk.lang.shared, walk.questions, 40)
    events = all_events(walk)
    found = leaves_of(tree, events[:, 0], events[:, 1:])
    of_root = [set(found[np.isin(events[:, 2], group)].tolist()) for group in walk.lang.shared]
    assert sum(map(len, of_root)) == num_leaves(tree)
    unseen = next(i for i, group in enumerate(walk.lang.shared) if not np.isin(group, walk.stats.phones).any())
    assert len(of_root[unseen]) == 1


def test_context_of_silence_does_not_matter(walk: Any) -> None:
    tree = build_tree(walk.stats, walk.lang.shared, walk.questions, 40)
    events = all_events(walk)
    silent = events[np.isin(events[:, 2], walk.lang.silence)]
    found = leaves_of(tree, silent[:, 0], silent[:, 1:])
    for pdf_class in range(5):
        assert len(set(found[silent[:, 0] == pdf_class].tolist())) == 1


def test_context_that_changes_the_frames_is_split(walk: Any) -> None:
    def keys(node: Node | None) -> set[int]:
        if isinstance(node, Split):
            return {node.key} | keys(node.yes) | keys(node.no)
        return set() if node is None or isinstance(node, Leaf) else set().union(*map(keys, node.children))

    assert {-1, 0, 2} <= keys(build_tree(walk.stats, walk.lang.shared, walk.questions, 60, min_gain=30.0).root)


def test_same_input_same_tree(walk: Any) -> None:
    one, other = (build_tree(walk.stats, walk.lang.shared, walk.questions, 50) for _ in range(2))
    assert one.to_bytes(True) == other.to_bytes(True)


def test_minus_one_merges_what_costs_no_more_than_the_smallest_gain(walk: Any) -> None:
    stats, questions, shared = walk.stats, walk.questions, walk.lang.shared
    place = {phone: i for i, group in enumerate(shared) for phone in group}
    roots = np.array([place[phone] for phone in stats.phones.tolist()])
    merged = 0
    for leaves in (25, 31, 40, 45):
        _, least = grow(stats, roots, len(shared), questions, leaves, 1.0)
        thresholds = -1.0, least, 0.0
        by_default, by_number, never = (build_tree(stats, shared, questions, leaves, t, 1.0) for t in thresholds)
        assert by_default.to_bytes(True) == by_number.to_bytes(True)
        merged += by_default.to_bytes(True) != never.to_bytes(True)
    assert merged


def test_too_few_leaves_are_logged(walk: Any, caplog: pytest.LogCaptureFixture) -> None:
    tree = build_tree(walk.stats, walk.lang.shared, walk.questions, 5000)
    assert num_leaves(tree) < 5000
    assert "leaves instead of 5000" in caplog.text


def test_each_root_has_a_leaf_even_above_the_target(walk: Any, caplog: pytest.LogCaptureFixture) -> None:
    assert num_leaves(build_tree(walk.stats, walk.lang.shared, walk.questions, 3)) == 8
    assert "8 leaves instead of 3" in caplog.text


def test_without_splits_the_tree_is_kaldis_stub(walk: Any) -> None:
    """The monophone tree asks the same of the phone, and then of the pdf class."""
    classes = parsed_topology(walk.lang.topo, "topo").get_phone_to_num_pdf_classes()
    theirs = Tree.from_khg(khg.monophone_context_dependency_shared(walk.lang.shared, classes))
    numbers = iter(range(100))

    def shape(node: Node | None, central: int) -> Node | None:
        if isinstance(node, Split):
            yes, no = shape(node.yes, central), shape(node.no, central)
            assert yes is not None
            assert no is not None
            return Split(central, node.values, yes, no)
        if isinstance(node, Table) and node.key == 0:
            return Table(central, tuple(shape(child, central) for child in node.children))
        return node and Leaf(next(numbers))

    mine = build_tree(walk.stats, walk.lang.shared, walk.questions, len(walk.lang.shared))
    assert mine.root == shape(theirs.root, 1)


@settings(max_examples=20)
@given(seed=st.integers(0, 9999), leaves=st.integers(4, 40), thresh=st.sampled_from([-1.0, 0.0, 100.0]))
def test_any_statistics(seed: int, leaves: int, thresh: float) -> None:
    """Phones 1 to 5 in four roots: at most `leaves` leaves, numbered without gaps, one at least for each root."""
    dice = np.random.default_rng(seed)
    events = np.unique(dice.integers([0, 0, 1, 0], [3, 6, 6, 6], (dice.integers(1, 60), 4)), axis=0).astype(np.int32)
    frames = dice.integers(1, 300, len(events))[:, None].astype(float)
    x = dice.normal(0, 3, (len(events), 2))
    stats = TreeStats(events[:, 0], events[:, 1:], np.hstack([frames, frames * x, frames * (1 + x**2)]), 1)
    sets = [[1], [2, 3], [4], [5]]
    tree = build_tree(stats, sets, Questions.of([*sets, [1, 4], [2, 3, 5]], 3), leaves, thresh, min_gain=10.0)
    everything = np.array(list(product(range(3), range(6), range(1, 6), range(6))), np.int32)
    found = leaves_of(tree, everything[:, 0], everything[:, 1:])
    assert set(found.tolist()) == set(range(num_leaves(tree)))
    assert len(sets) <= num_leaves(tree) <= leaves
