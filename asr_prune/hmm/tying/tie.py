"""A first model on tied states, and the old labels in its terms (Kaldi: gmm-init-model, convert-ali)."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import kaldi_hmm_gmm as khg
import numpy as np

from asr_prune.errors import UserError
from asr_prune.hmm.gmm import Doubles, Floats, Gmms, Ints
from asr_prune.hmm.kaldi_model import read_topology
from asr_prune.hmm.model import HmmModel
from asr_prune.hmm.tying.grow import build_tree
from asr_prune.hmm.tying.questions import Question, class_questions, extra_questions, phone_questions
from asr_prune.hmm.tying.segments import Ids, Longs, Segments
from asr_prune.hmm.tying.stats import VARIANCE_FLOOR, TreeStats, tree_stats
from asr_prune.lang.lang import Lang

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Tied:
    """model: one Gaussian a leaf; occupancies: its frames, float64 [pdfs]; questions: that were asked about phones;
    ids: the old alignment in the model's transition-ids, int32 [all frames].
    """

    model: HmmModel
    occupancies: Doubles
    questions: list[Question]
    ids: Ints


def tie(
    lang: Lang,
    old: HmmModel,
    alignment: Ints,
    bounds: Longs,
    feats: Floats,
    leaves: int,
    cluster_threshold: float = -1.0,
    seed: int = 0,
) -> Tied:
    """Ties the triphone states of an alignment, int32 [all frames] of `old`'s transition-ids, 0 for none.

    feats: [all frames, dim]; bounds: int64 [utterances + 1]. Fewer leaves than asked are told. Raises UserError where
    nothing is aligned.
    """
    if not alignment.any():
        raise UserError("no utterance is aligned, so no state can be tied; look at the pass before.")
    ids = Ids.of(old.transitions)
    segments = Segments.find(ids, alignment, bounds)
    stats = tree_stats(ids, alignment, segments, feats, lang.silence)
    asked = phone_questions(stats, lang.shared, 1, extra_questions(lang), seed)
    tree = build_tree(stats, lang.shared, asked, class_questions(stats), leaves, cluster_threshold).to_khg()
    if tree.num_pdfs < 0.9 * leaves:
        log.info("  %d leaves were asked; %d tell enough apart on these data", leaves, tree.num_pdfs)
    gmms, occupancies = initial_gmms(tree, stats)
    model = HmmModel(tree, khg.TransitionModel(tree, read_topology(lang.topo)), gmms)
    return Tied(model, occupancies, asked, convert(ids, alignment, segments, model))


def pdf_of(tree: khg.ContextDependency, windows: Ints, pdf_class: int) -> int:
    """The pdf of a state of a phone in context. Raises UserError where the tree has none."""
    found, pdf = tree.compute([max(int(phone), 0) for phone in windows], int(pdf_class))
    if not found:
        raise UserError(f"the tree has no pdf for the phones {list(windows)}; run the align stage again.")
    return int(pdf)


def initial_gmms(tree: khg.ContextDependency, stats: TreeStats) -> tuple[Gmms, Doubles]:
    """One Gaussian for each pdf of `tree` and its frames, float64 [pdfs]; the sum of all for pdfs that none has."""
    pdfs = np.array([pdf_of(tree, row[1:], row[0]) for row in stats.events])
    sums = np.zeros((tree.num_pdfs, stats.sums.shape[1]))
    np.add.at(sums, pdfs, stats.sums)
    occupancies = sums[:, 0].copy()
    empty = np.flatnonzero(occupancies == 0)
    if len(empty):
        log.warning("%d pdfs belong to phones never heard in training and start from all speech", len(empty))
        sums[empty] = stats.sums.sum(0)
    dim = sums.shape[1] // 2
    mean = sums[:, 1 : 1 + dim] / sums[:, :1]
    variance = np.maximum(sums[:, 1 + dim :] / sums[:, :1] - mean**2, VARIANCE_FLOOR)
    ones = np.ones(len(sums), np.float32)
    invvar = (1 / variance).astype(np.float32)
    return Gmms(np.arange(len(sums) + 1), ones, (mean / variance).astype(np.float32), invvar), occupancies


def convert(ids: Ids, alignment: Ints, segments: Segments, new: HmmModel) -> Ints:
    """The same phones and states as transition-ids of `new`, int32 [all frames]."""
    old = alignment[segments.frames]
    windows = segments.windows(new.tree.context_width, new.tree.central_position)[segments.of]
    keys = np.column_stack([ids.state[old], ids.pdf_class[old], windows])
    unique, row = np.unique(keys, axis=0, return_inverse=True)
    central = 2 + new.tree.central_position
    first = _first_ids(new.transitions)
    starts = [first[int(k[central]), int(k[0]), pdf_of(new.tree, k[2:], k[1])] for k in unique]
    made = np.zeros(len(alignment), np.int32)
    made[segments.frames] = np.array(starts)[row] + ids.position[old]
    return made


def _first_ids(transitions: khg.TransitionModel) -> dict[tuple[int, int, int], int]:
    """The first transition-id of each (phone, state, pdf)."""
    firsts = transitions.state2id
    return {tuple(entry.__getstate__()[:3]): int(firsts[i]) for i, entry in enumerate(transitions.tuples, 1)}
