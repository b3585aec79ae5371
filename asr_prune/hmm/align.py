"""Viterbi alignment of frames to HMM states (Kaldi: align-equal-compiled, gmm-align-compiled)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import kaldi_hmm_gmm as khg
import kaldifst
import numpy as np

from asr_prune.hmm.gmm import Floats, Ints, Scorer
from asr_prune.hmm.kaldi_model import id_to_pdf
from asr_prune.hmm.model import HmmModel
from asr_prune.hmm.utterances import JoinedUtterances
from asr_prune.lang.fst import Fst
from asr_prune.lang.native import silenced
from asr_prune.progress import track


@dataclass
class Alignment:
    """ids: transition-id of each frame, int32 [all frames], 0 in utterances that `failed` lists.

    retried: number of utterances that needed the wider beam; loglike: of all aligned frames,
    acoustic plus transitions, divided by the acoustic scale.
    """

    ids: Ints
    failed: list[str] = field(default_factory=list)
    retried: int = 0
    loglike: float = 0.0

    @property
    def frames(self) -> int:
        return int(np.count_nonzero(self.ids))

    def by_utterance(self, data: JoinedUtterances, values: Ints) -> Iterator[tuple[str, Ints]]:
        """Yields (utterance, its part of `values` [all frames]) for each aligned utterance."""
        for i, utt in enumerate(data.ids):
            if utt not in self.failed:
                yield utt, values[data.bounds[i] : data.bounds[i + 1]]


@dataclass(frozen=True)
class Search:
    """Beams and scales of an alignment; boost: factor on the weights of the pdfs `boosted`."""

    beam: float
    retry_beam: float
    acoustic_scale: float
    transition_scale: float
    self_loop_scale: float
    boost: float = 1.0
    boosted: tuple[int, ...] = ()


def align_equal(graphs: dict[str, Fst], data: JoinedUtterances, seed: int) -> Alignment:
    """Equally long states on a random path of each graph, for a flat start."""
    alignment = Alignment(np.zeros(data.frames, np.int32))
    for i, (utt, rows) in enumerate(data.rows().items()):
        length = int(rows.stop - rows.start)
        success, path = kaldifst.equal_align(graphs[utt], length, seed + i, num_retries=10)
        if not success:
            alignment.failed.append(utt)
            continue
        alignment.ids[rows] = kaldifst.get_linear_symbol_sequence(path)[1]
    return alignment


def align(
    model: HmmModel, graphs: dict[str, Fst], data: JoinedUtterances, search: Search, label: str = ""
) -> Alignment:
    """The best path of each utterance, with `retry_beam` if `beam` fails. label: of its progress,
    "" for none.
    """
    alignment = Alignment(np.zeros(data.frames, np.int32))
    scored = _scored(model, data, search)
    for i, scores in track(scored, len(data.ids), label) if label else scored:
        _align_one(model, graphs[data.ids[i]], scores, search, alignment, data, i)
    return alignment


def _scored(model: HmmModel, data: JoinedUtterances, search: Search) -> Iterator[tuple[int, Floats]]:
    """The number of each utterance, and its scores for `best_path`."""
    boosted = list(search.boosted)
    gmms = model.gmms if search.boost == 1.0 else model.gmms.boosted(boosted, search.boost)
    scorer, columns = Scorer(gmms), id_to_pdf(model.transitions)[1:]
    for batch in data.batches():
        start, end = data.bounds[batch.start], data.bounds[batch.stop]
        scores = scorer(data.feats[start:end]) * np.float32(search.acoustic_scale)
        for i in batch:
            yield i, scores[data.bounds[i] - start : data.bounds[i + 1] - start][:, columns]


def _align_one(
    model: HmmModel,
    graph: Fst,
    scores: Floats,
    search: Search,
    alignment: Alignment,
    data: JoinedUtterances,
    i: int,
) -> None:
    """Enters the best path of utterance i into `alignment`; scores: as for `best_path`."""
    ids, retried, loglike = best_path(model, graph, scores, search, data.ids[i])
    alignment.retried += retried
    if len(ids) != len(scores):
        alignment.failed.append(data.ids[i])
        return
    alignment.loglike += loglike
    alignment.ids[data.bounds[i] : data.bounds[i + 1]] = ids


def best_path(model: HmmModel, graph: Fst, scores: Floats, search: Search, utt: str) -> tuple[list[int], int, float]:
    """Best path of one utterance in its training graph.

    scores: scaled log-likelihoods float32 [frames, transition-ids]. Returns the transition-id of
    each frame, empty if there is no path; whether the wider beam was needed; and the log-likelihood
    of the path divided by the acoustic scale.
    """
    graph = graph.copy()
    scales = {
        "transition_scale": search.transition_scale,
        "self_loop_scale": search.self_loop_scale,
    }
    with silenced():
        khg.add_transition_probs(trans_model=model.transitions, fst=graph, **scales)
        _, failed, retried, loglike, _, ids, _ = khg.align_utterance_wrapper(
            khg.AlignConfig(search.beam, search.retry_beam), utt, search.acoustic_scale, graph,
            khg.DecodableCtc(scores), 0, 0, 0, 0.0, 0,
        )  # fmt: skip
    return ([] if failed else ids), retried, loglike
