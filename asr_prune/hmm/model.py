"""A GMM-HMM: tree, transition model and Gaussian mixtures."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import kaldi_hmm_gmm as khg

from asr_prune.errors import UserError
from asr_prune.files import Readable
from asr_prune.hmm.gmm import Gmms
from asr_prune.hmm.mdl import read_mdl, write_mdl
from asr_prune.hmm.tree import Tree, read_tree, write_tree


@dataclass
class HmmModel:
    """Transitions are updated in place, gmms are replaced."""

    tree: khg.ContextDependency
    transitions: khg.TransitionModel
    gmms: Gmms

    def save(self, folder: Path) -> None:
        """Writes folder/final.mdl and folder/tree in Kaldi's binary form."""
        write_mdl(folder / "final.mdl", self.transitions, self.gmms)
        write_tree(folder / "tree", Tree.from_khg(self.tree))

    @classmethod
    def load(cls, folder: Readable) -> HmmModel:
        """Reads files of `save` or Kaldi.

        Raises UserError if a file is missing or damaged, or if they disagree.
        """
        transitions, gmms = read_mdl(folder / "final.mdl")
        read = read_tree(folder / "tree")
        if not _fit(read, transitions):
            raise UserError(
                f"{folder}: tree and final.mdl do not fit together; copy both or run the align stage again."
            )
        tree = read.to_khg()
        if not tree.num_pdfs == transitions.num_pdfs == gmms.num_pdfs:
            counts = f"{tree.num_pdfs}, {transitions.num_pdfs} and {gmms.num_pdfs}"
            message = f"{folder}: tree, transitions and mixtures have {counts} pdfs"
            raise UserError(f"{message}; run the align stage again.")
        return cls(tree, transitions, gmms)


def _fit(tree: Tree, transitions: khg.TransitionModel) -> bool:
    """Whether the transition model has a transition-state for each pdf that the tree gives to a
    state of a phone.
    """
    known: defaultdict[tuple[int, int], set[int]] = defaultdict(set)
    for phone, state, pdf, _ in (entry.__getstate__() for entry in transitions.tuples):
        known[phone, state].add(pdf)
    phones, phone_entry, entries = transitions.topo.__getstate__()
    return all(
        tree.pdfs(phone, state.forward_pdf_class) <= known[phone, number]
        for phone in phones
        for number, state in enumerate(entries[phone_entry[phone]])
        if state.forward_pdf_class >= 0
    )
