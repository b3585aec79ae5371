from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import kaldi_hmm_gmm as khg
import pytest

from asr_prune.errors import UserError
from asr_prune.hmm.gmm import Gmms
from asr_prune.hmm.kaldi_model import parsed_topology
from asr_prune.hmm.model import HmmModel
from asr_prune.hmm.tree import Leaf, Split, Table, Tree, read_tree, write_tree
from asr_prune.lang.topology import topology

#: number of single flips in each file
FLIPS = 1500


@pytest.fixture
def folder(random_gmms: Callable[[int, int, int], Gmms], tmp_path: Path) -> Path:
    tree = khg.monophone_context_dependency_shared([[1], [2, 3]], [-1, 5, 3, 3])
    transitions = khg.TransitionModel(tree, parsed_topology(topology([2, 3], [1], 3, 5), "topo"))
    HmmModel(tree, transitions, random_gmms(0, 8, 3)).save(tmp_path)
    return tmp_path


def use(model: HmmModel) -> None:
    """What a graph needs of a model: a state for each pdf of each phone."""
    before, after = model.tree.central_position, model.tree.context_width - model.tree.central_position - 1
    windows: list[list[int]] = [[], *([1] * before + [phone] + [1] * after for phone in (1, 2, 3))]
    khg.get_h_transducer(windows, model.tree, model.transitions, khg.HTransducerConfig())
    model.gmms.gconsts.sum()


@pytest.mark.parametrize("name", ["final.mdl", "tree"])
def test_no_flipped_bit_ends_the_process(folder: Path, name: str) -> None:
    """The library ends the process on states, phones and counts that there are not."""
    data, dice, refused = (folder / name).read_bytes(), random.Random(1), 0
    begin = min(len(data), 500)  # topology and states, before the Gaussians
    for _ in range(FLIPS):
        at, bit = dice.randrange(dice.choice((begin, len(data)))), 1 << dice.randrange(8)
        (folder / name).write_bytes(data[:at] + bytes([data[at] ^ bit]) + data[at + 1 :])
        try:
            use(HmmModel.load(folder))
        except UserError:
            refused += 1
    assert refused > FLIPS // 10


def test_a_tree_of_another_model_is_one_sentence(folder: Path) -> None:
    tree = read_tree(folder / "tree")
    write_tree(folder / "tree", Tree(1, 0, Split(0, (1,), tree.root, Leaf(0))))
    with pytest.raises(UserError, match=r"tree and final.mdl do not fit together"):
        HmmModel.load(folder)


def test_pdfs_in_all_contexts() -> None:
    right = Split(2, (2,), Leaf(2), Table(1, (None, Leaf(3))))
    tree = Tree(3, 1, Table(-1, (Split(0, (1, 3), Leaf(0), Leaf(1)), right)))
    assert tree.pdfs(1, 0) == {0, 1}
    assert tree.pdfs(1, 1) == {2, 3}
    assert tree.pdfs(2, 1) == {2, -1}
    assert tree.pdfs(1, 2) == {-1}
