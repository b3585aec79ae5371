"""A model with one Gaussian per leaf of a tree (Kaldi: gmm-init-model)."""

from __future__ import annotations

import logging

import kaldi_hmm_gmm as khg
import numpy as np

from asr_prune.errors import UserError
from asr_prune.hmm.gmm import Doubles, Gmms
from asr_prune.hmm.model import HmmModel
from asr_prune.hmm.tree import Tree
from asr_prune.hmm.tying.likelihood import TREE_VARIANCE_FLOOR, summed
from asr_prune.hmm.tying.lookup import leaves_of
from asr_prune.hmm.tying.stats import TreeStats

log = logging.getLogger(__name__)


def initial_model(tree: Tree, topology: khg.HmmTopology, stats: TreeStats) -> tuple[HmmModel, Doubles]:
    """The model, and the number of frames of each pdf in `stats`, float64 [pdfs].

    A pdf without frames, of a phone that never occurs, gets the Gaussian of all frames; the number
    of such pdfs is logged. Raises UserError if there are no frames at all.
    """
    if not len(stats.moments):
        message = "no utterance is aligned, so states cannot be tied"
        raise UserError(f"{message}; see the log of the align stage.")
    native = tree.to_khg()
    leaves = leaves_of(tree, stats.classes, stats.windows)
    moments = summed(stats.moments, leaves, native.num_pdfs)
    frames = moments[:, 0].copy()
    empty = frames == 0
    if empty.any():
        message = "%d of %d pdfs have no frames and start with the Gaussian of all frames"
        log.warning(message, empty.sum(), len(empty))
    moments[empty] = moments.sum(0)
    model = HmmModel(native, khg.TransitionModel(native, topology), _gaussians(moments))
    return model, frames


def _gaussians(moments: Doubles) -> Gmms:
    """One Gaussian per pdf from moments [pdfs, 1 + 2 dim]."""
    mean, square = np.split(moments[:, 1:] / moments[:, :1], 2, axis=1)
    invvar = 1 / np.maximum(square - mean**2, TREE_VARIANCE_FLOOR)
    ones = np.ones(len(mean), np.float32)
    means_invvars = (mean * invvar).astype(np.float32)
    return Gmms(np.arange(len(mean) + 1), ones, means_invvars, invvar.astype(np.float32))
