from __future__ import annotations

from pathlib import Path

import kaldi_hmm_gmm as khg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr_prune.errors import UserError
from asr_prune.hmm.tree import Leaf, Node, Split, Table, Tree, read_tree, write_tree

RIGHT = Split(2, (2,), Leaf(2), Table(1, (None, Leaf(3))))
TRIPHONE = Tree(3, 1, Table(-1, (Split(0, (1, 3), Leaf(0), Leaf(1)), RIGHT)))

leaves = st.builds(Leaf, st.integers(0, 500))


def inner(children: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    tables = st.builds(Table, st.integers(-1, 2), st.lists(st.none() | children, max_size=3).map(tuple))
    values = st.lists(st.integers(1, 90), min_size=1, max_size=4, unique=True).map(lambda v: tuple(sorted(v)))
    return tables | st.builds(Split, st.integers(-1, 2), values, children, children)


@pytest.mark.parametrize("binary", [True, False])
@given(root=st.recursive(leaves, inner, max_leaves=12))
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, root: Node, binary: bool) -> None:
    path = tmp_path_factory.mktemp("tree") / "tree"
    write_tree(path, Tree(3, 1, root), binary)
    assert read_tree(path) == Tree(3, 1, root)


@pytest.mark.parametrize("binary", [True, False])
def test_bytes_are_kaldis(tmp_path: Path, binary: bool) -> None:
    theirs = khg.monophone_context_dependency_shared([[1], [2, 3], [4]], [-1, 5, 3, 3, 3])
    theirs.write(binary, str(tmp_path / "kaldi"))
    tree = read_tree(tmp_path / "kaldi")
    assert tree == Tree.from_khg(theirs)
    if binary:
        assert tree.to_bytes(True) == (tmp_path / "kaldi").read_bytes()
    else:
        assert tree.to_bytes(False).split() == (tmp_path / "kaldi").read_bytes().split()


def test_kaldi_computes_with_a_triphone_tree() -> None:
    tree = TRIPHONE.to_khg()
    assert (tree.context_width, tree.central_position, tree.num_pdfs) == (3, 1, 4)
    assert tree.compute([3, 1, 2], 0) == (True, 0)
    assert tree.compute([2, 1, 2], 0) == (True, 1)
    assert tree.compute([2, 1, 2], 1) == (True, 2)
    assert tree.compute([2, 1, 1], 1) == (True, 3)


@pytest.mark.parametrize("binary", [True, False])
def test_every_cut_is_one_sentence(tmp_path: Path, binary: bool) -> None:
    data = TRIPHONE.to_bytes(binary).rstrip()
    for length in range(len(data) - 1):
        (tmp_path / "tree").write_bytes(data[:length])
        with pytest.raises(UserError, match="tree"):
            read_tree(tmp_path / "tree")


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("values", [(), (2, 1), (1, 1), (3, -1)])
def test_a_question_has_increasing_values(tmp_path: Path, values: tuple[int, ...], binary: bool) -> None:
    write_tree(tmp_path / "tree", Tree(3, 1, Split(0, values, Leaf(0), Leaf(1))), binary)
    with pytest.raises(UserError, match=r"tree: a question has the values \[.*\], not increasing ones at byte"):
        read_tree(tmp_path / "tree")
