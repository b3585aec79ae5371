"""Tying: from an alignment to a model with tied states and the converted alignment."""

from __future__ import annotations

from dataclasses import dataclass

from asr_prune.hmm.gmm import Doubles, Floats, Ints, Longs
from asr_prune.hmm.kaldi_model import parsed_topology
from asr_prune.hmm.model import HmmModel
from asr_prune.hmm.tying.build import MIN_GAIN, build_tree
from asr_prune.hmm.tying.convert import convert_alignment
from asr_prune.hmm.tying.init import initial_model
from asr_prune.hmm.tying.questions import Questions, extra_questions, phone_questions
from asr_prune.hmm.tying.stats import TreeStats, tree_stats
from asr_prune.lang.lang import Lang
from asr_prune.spread.pieces import PieceWorkers


@dataclass(frozen=True)
class Tied:
    """model: one Gaussian per pdf; occupancies: frames of each pdf, float64 [pdfs]; questions: of
    the tree; ids: alignment as transition-ids of `model`, int32 [frames], 0 for
    frames that are not aligned.
    """

    model: HmmModel
    occupancies: Doubles
    questions: Questions
    ids: Ints


def tie(
    lang: Lang,
    model: HmmModel,
    ids: Ints,
    bounds: Longs,
    feats: Floats,
    leaves: int,
    cluster_threshold: float = -1.0,
    seed: int = 0,
    min_gain: float = MIN_GAIN,
    workers: PieceWorkers | None = None,
) -> Tied:
    """Ties the states of triphones, as train_deltas.sh before its first iteration.

    model: the one that made the alignment `ids` [frames], with any tree; bounds: [utterances + 1];
    feats: [frames, dim]; leaves, cluster_threshold, min_gain: see `build_tree`; workers: for the
    statistics. The same seed gives the same model. Raises UserError as `initial_model`.
    """
    topology = parsed_topology(lang.topo, lang.path / "topo")
    stats = tree_stats(model.transitions, ids, bounds, feats, lang.silence, workers=workers)
    questions = _questions(lang, topology.get_phone_to_num_pdf_classes(), stats, seed)
    tree = build_tree(stats, lang.shared, questions, leaves, cluster_threshold, min_gain)
    tied, occupancies = initial_model(tree, topology, stats)
    converted = convert_alignment(model.transitions, tied, ids, bounds)
    return Tied(tied, occupancies, questions, converted)


def _questions(lang: Lang, classes: list[int], stats: TreeStats, seed: int) -> Questions:
    """classes: number of pdf classes of each phone."""
    clusters = phone_questions(stats, lang.shared, (_middle(classes),), seed)
    return Questions.of(clusters + extra_questions(lang), max(classes))


def _middle(classes: list[int]) -> int:
    """The middle state of the shortest phones, as in cluster-phones: 1 of 3."""
    return (min(n for n in classes if n > 0) - 1) // 2
