"""Viterbi alignment of frames to HMM states (Kaldi: align-equal-compiled, gmm-align-compiled)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import reduce
from operator import add
from pathlib import Path

import kaldi_hmm_gmm as khg
import kaldifst
import numpy as np

from asr_prune.hmm.gmm import Floats, Ints, Longs, Scorer
from asr_prune.hmm.gmm_stats import ByPdf
from asr_prune.hmm.graphs import StoredGraphs, read_graphs
from asr_prune.hmm.kaldi_model import id_to_pdf
from asr_prune.hmm.model import HmmModel
from asr_prune.hmm.utterances import JoinedUtterances
from asr_prune.lang.fst import Fst
from asr_prune.lang.native import silenced
from asr_prune.progress import track


@dataclass
class Alignment:
    """ids: transition-id of each frame, int32 [all frames], 0 in utterances that `failed` lists.

    retried: number of utterances that needed the wider beam; loglikes: of each aligned utterance,
    acoustic plus transitions, divided by the acoustic scale.
    """

    ids: Ints
    failed: list[str] = field(default_factory=list)
    retried: int = 0
    loglikes: list[float] = field(default_factory=list)
    _by_pdf: ByPdf | None = field(default=None, init=False, repr=False, compare=False)

    @property
    def frames(self) -> int:
        return int(np.count_nonzero(self.ids))

    @property
    def loglike(self) -> float:
        """Of all aligned frames."""
        return reduce(add, self.loglikes, 0.0)

    def by_pdf(self, model: HmmModel) -> ByPdf:
        """The frames by pdf of `model`, which has made it: sorted once, as it stays as it is."""
        if self._by_pdf is None:
            pdfs = id_to_pdf(model.transitions)[self.ids]
            self._by_pdf = ByPdf.of(pdfs, model.gmms.num_pdfs)
        return self._by_pdf

    def enter(self, rows: slice, part: Alignment) -> None:
        """Adds the alignment of the next utterances, which have these rows."""
        self.ids[rows] = part.ids
        self.failed += part.failed
        self.retried += part.retried
        self.loglikes += part.loglikes

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


def align_equal(graphs: Mapping[str, Fst], data: JoinedUtterances, seed: int) -> Alignment:
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
    model: HmmModel,
    graphs: Mapping[str, Fst],
    data: JoinedUtterances,
    search: Search,
    label: str = "",
) -> Alignment:
    """The best path of each utterance, with `retry_beam` if `beam` fails. label: of its progress,
    "" for none.
    """
    if isinstance(graphs, StoredGraphs):
        return _spread(model, graphs, data, search, label)
    alignment = Alignment(np.zeros(data.frames, np.int32))
    scored = _scored(model, data, search)
    for i, scores in track(scored, len(data.ids), label) if label else scored:
        _align_one(model, graphs[data.ids[i]], scores, search, alignment, data, i)
    return alignment


def _spread(
    model: HmmModel,
    graphs: StoredGraphs,
    data: JoinedUtterances,
    search: Search,
    label: str,
) -> Alignment:
    """As `align`, by the workers that have compiled `graphs`."""
    assert data.workers is not None
    alignment = Alignment(np.zeros(data.frames, np.int32))
    pieces, rows = [], []
    for own, path in graphs.stretches:
        bounds = data.bounds[own.start : own.stop + 1]
        pieces.append({"ids": data.ids[own.start : own.stop], "bounds": bounds, "graphs": path})
        rows.append(slice(bounds[0], bounds[-1]))
    common, job = {"model": model, "search": search}, "asr_prune.hmm.align:align_stretch"
    told = f"{label}, in parts" if label else ""
    parts = data.workers.map(job, pieces, common, {"feats": data.feats}, told)
    for own_rows, part in zip(rows, parts, strict=True):
        alignment.enter(own_rows, part)
    return alignment


def align_stretch(
    model: HmmModel, search: Search, feats: Floats, ids: list[str], bounds: Longs, graphs: Path
) -> Alignment:
    """A piece: the alignment of a stretch of utterances. feats: of all; bounds: of the stretch in
    them, [utterances + 1]; graphs: file of the graphs of the stretch.
    """
    data = JoinedUtterances(ids, feats[bounds[0] : bounds[-1]], bounds - bounds[0])
    return align(model, read_graphs(graphs), data, search)


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
    alignment.loglikes.append(loglike)
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
