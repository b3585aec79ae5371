"""Frames to HMM states by Viterbi search in training graphs (Kaldi: align-equal-compiled, gmm-align-compiled)."""

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


@dataclass
class Alignment:
    """ids: transition-id of each frame, int32 [all frames], 0 in utterances that did not align, which `failed` lists.

    retried: utterances that needed the wider beam; loglike: of all aligned frames, acoustic plus transitions over the
    acoustic scale.
    """

    ids: Ints
    failed: list[str] = field(default_factory=list)
    retried: int = 0
    loglike: float = 0.0

    @property
    def frames(self) -> int:
        return int(np.count_nonzero(self.ids))

    def by_utterance(self, data: JoinedUtterances, values: Ints) -> Iterator[tuple[str, Ints]]:
        """Yields (utterance, its part of `values` [all frames]) for each utterance of `data` that aligned."""
        for i, utt in enumerate(data.ids):
            if utt not in self.failed:
                yield utt, values[data.bounds[i] : data.bounds[i + 1]]


@dataclass(frozen=True)
class Search:
    """Beams and scales of one alignment; boost multiplies the weights of the pdfs `boosted`."""

    beam: float
    retry_beam: float
    acoustic_scale: float
    transition_scale: float
    self_loop_scale: float
    boost: float = 1.0
    boosted: tuple[int, ...] = ()


def align_equal(graphs: dict[str, Fst], data: JoinedUtterances, seed: int) -> Alignment:
    """Gives the states of a random path equal shares of the frames, from which a flat start begins."""
    alignment = Alignment(np.zeros(data.frames, np.int32))
    for i, utt in enumerate(data.ids):
        length = int(data.bounds[i + 1] - data.bounds[i])
        found, path = kaldifst.equal_align(graphs[utt], length, seed + i, num_retries=10)
        if not found:
            alignment.failed.append(utt)
            continue
        alignment.ids[data.bounds[i] : data.bounds[i + 1]] = kaldifst.get_linear_symbol_sequence(path)[1]
    return alignment


def align(model: HmmModel, graphs: dict[str, Fst], data: JoinedUtterances, search: Search) -> Alignment:
    """The best path of each utterance, searched again with `retry_beam` where `beam` finds none."""
    alignment = Alignment(np.zeros(data.frames, np.int32))
    gmms = model.gmms if search.boost == 1.0 else model.gmms.boosted(list(search.boosted), search.boost)
    scorer, columns = Scorer(gmms), id_to_pdf(model.transitions)[1:]
    for batch in data.batches():
        start = data.bounds[batch.start]
        scores = scorer(data.feats[start : data.bounds[batch.stop]]) * np.float32(search.acoustic_scale)
        for i in batch:
            own = scores[data.bounds[i] - start : data.bounds[i + 1] - start]
            _align_one(model, graphs[data.ids[i]], own[:, columns], search, alignment, data, i)
    return alignment


def _align_one(
    model: HmmModel, graph: Fst, scores: Floats, search: Search, alignment: Alignment, data: JoinedUtterances, i: int
) -> None:
    """scores: scaled log-likelihoods [frames, transition-ids]. Enters the path of utterance i into `alignment`."""
    ids, retried, loglike = best_path(model, graph, scores, search, data.ids[i])
    alignment.retried += retried
    if len(ids) != len(scores):
        alignment.failed.append(data.ids[i])
        return
    alignment.loglike += loglike
    alignment.ids[data.bounds[i] : data.bounds[i + 1]] = ids


def best_path(model: HmmModel, graph: Fst, scores: Floats, search: Search, utt: str) -> tuple[list[int], int, float]:
    """The transition-id of each frame on the best path of one utterance in its training graph, none where there is no
    path; whether the wider beam was needed; and the log-likelihood of the path over the acoustic scale.

    scores: scaled log-likelihoods float32 [frames, transition-ids].
    """
    graph = graph.copy()
    scales = {"transition_scale": search.transition_scale, "self_loop_scale": search.self_loop_scale}
    with silenced():
        khg.add_transition_probs(trans_model=model.transitions, fst=graph, **scales)
        _, failed, retried, loglike, _, ids, _ = khg.align_utterance_wrapper(
            khg.AlignConfig(search.beam, search.retry_beam), utt, search.acoustic_scale, graph,
            khg.DecodableCtc(scores), 0, 0, 0, 0.0, 0,
        )  # fmt: skip
    return ([] if failed else ids), retried, loglike
