"""From an alignment to a model with tied states and the same alignment in its terms."""

from __future__ import annotations

from dataclasses import dataclass

from asr_prune.hmm.gmm import Doubles, Floats, Ints, Longs
from asr_prune.hmm.kaldi_model import read_topology
from asr_prune.hmm.model import HmmModel
from asr_prune.hmm.tying.build import MIN_GAIN, build_tree
from asr_prune.hmm.tying.convert import convert_alignment
from asr_prune.hmm.tying.init import initial_model
from asr_prune.hmm.tying.questions import Questions, extra_questions, phone_questions
from asr_prune.hmm.tying.stats import tree_stats
from asr_prune.lang.lang import Lang


@dataclass(frozen=True)
class Tied:
    """model: one Gaussian for each pdf; occupancies: frames of each pdf, float64 [pdfs]; questions: what was asked;
    ids: the alignment as transition-ids of `model`, int32 [frames], 0 where there was none."""

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
) -> Tied:
    """Ties the states of triphones (the part of train_deltas.sh before its first iteration).

    model: which made the alignment `ids` [frames], whatever its tree; feats [frames, dim] of any kind; bounds
    [utterances + 1]; leaves, cluster_threshold and min_gain as `build_tree`. The same seed
    gives the same model. Raises UserError as `initial_model`.
    """
    topology = read_topology(lang.topo)
    classes = topology.get_phone_to_num_pdf_classes()
    stats = tree_stats(model.transitions, ids, bounds, feats, ci_phones=lang.silence)
    phones = phone_questions(stats, lang.shared, (_middle(classes),), seed) + extra_questions(lang)
    questions = Questions.of(phones, max(classes))
    tree = build_tree(stats, lang.shared, questions, leaves, cluster_threshold, min_gain)
    tied, occupancies = initial_model(tree, topology, stats)
    return Tied(tied, occupancies, questions, convert_alignment(model.transitions, tied, ids, bounds))


def _middle(classes: list[int]) -> int:
    """The middle state of the shortest phones, which cluster-phones looks at: 1 of 3."""
    return (min(n for n in classes if n > 0) - 1) // 2
