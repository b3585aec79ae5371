"""Beam search in HCLG: best path or lattice (Kaldi: gmm-decode-faster, latgen-faster-mapped)."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from asr_prune.decode.acyclic import check_epsilons
from asr_prune.decode.arrays import FstArrays
from asr_prune.decode.lattice import Lattice
from asr_prune.decode.options import DecodeOptions
from asr_prune.decode.search.graph import search_graph
from asr_prune.decode.search.lattice import Found, lattice_arrays
from asr_prune.decode.search.run import ENDLESS, FINAL, Limits, prepare_search, search
from asr_prune.errors import UserError
from asr_prune.files import Readable
from asr_prune.hmm.gmm import Floats, Ints
from asr_prune.lang.fst import read_fst_parts
from asr_prune.lang.symbols import read_symbols
from asr_prune.text import file_lines


@dataclass(frozen=True)
class BestPath:
    """The best path of an utterance.

    score: log-likelihood, scaled acoustics plus graph (minus Kaldi's total cost), -infinity without
    a path; reached_final: False if no path ends in a final state, so that this is the best
    unfinished one; pdfs: int32 [frames], empty without a path.
    """

    words: list[str]
    score: float
    reached_final: bool
    pdfs: Ints = field(compare=False)


class Decoder:
    """Decodes with a graph folder of `make_graph`.

    pdf_of: the pdf of each transition-id, int32. Pickled by the path of the folder. Raises
    UserError if a file is missing, damaged or inconsistent with the others.
    """

    def __init__(self, graph: Readable, options: DecodeOptions) -> None:
        self.pdf_of = pdfs = _pdfs(graph / "pdfs.txt")
        self.num_pdfs = int(pdfs.max()) + 1
        self.words = {i: word for word, i in read_symbols(graph / "words.txt").items()}
        self.graph, self.options = graph, options
        arrays = FstArrays(*read_fst_parts(graph / "HCLG.fst", "graph"))
        ids, words = arrays.arcs["ilabel"], arrays.arcs["olabel"]
        _check_labels(graph, "pdfs.txt", ids, len(pdfs) - 1)
        _check_labels(graph, "words.txt", words, max(self.words))
        _check_cycles(graph, arrays)
        self._start = arrays.start
        self._graph, order = search_graph(arrays, np.where(ids > 0, pdfs[ids], -1).astype(np.int32))
        #: transition-id and word of each arc
        self._labels = np.stack([ids, words], axis=1)[order]
        self._lookup = np.full(len(arrays.finals), -1, np.int32)
        prepare_search()

    def __reduce__(self) -> tuple[type[Decoder], tuple[Readable, DecodeOptions]]:
        return Decoder, (self.graph, self.options)

    def check(self, utt: str, loglikes: Floats) -> None:
        """Raises UserError if `loglikes` [frames, pdfs] is empty, not finite or of another model."""
        if loglikes.ndim != 2 or loglikes.shape[1] != self.num_pdfs:
            raise UserError(
                f"{utt}: the network has {loglikes.shape[-1]} outputs, the graph {self.num_pdfs} pdfs;"
                " train the network on labels of the graph's model, or run the graph stage again."
            )
        if not len(loglikes):
            raise UserError(f"{utt} has no frames to decode; remove it or repair its audio.")
        if not np.isfinite(loglikes).all():
            raise UserError(
                f"{utt}: the log-likelihoods contain NaN or infinity: the network has diverged;"
                " lower its learning rate."
            )

    def best(self, loglikes: Floats, scale: float) -> BestPath:
        """The best path for checked log-likelihoods, float32 [frames, pdfs].

        scale: acoustic scale, 1 / LM weight. Raises UserError as `lattice`.
        """
        found = self._search(loglikes, scale, lattice_beam=0.0)
        arrays = lattice_arrays(self._graph, self._labels, loglikes, found)
        if not len(arrays.counts):
            return BestPath([], -np.inf, False, np.zeros(0, np.int32))
        path, end = _first_path(arrays)
        ids, words = path["ilabel"], path["olabel"]
        cost = path["weight"].astype(float).sum(0) @ (1, scale) + float(end)
        names = [self.words[i] for i in words[words > 0].tolist()]
        return BestPath(names, -float(cost), found.status == FINAL, self.pdf_of[ids[ids > 0]])

    def lattice(self, loglikes: Floats) -> Lattice:
        """All paths within the lattice beam of the best one at `options.acoustic_scale`.

        loglikes: checked, float32 [frames, pdfs]. The lattice is empty if no path survived. Raises
        UserError if costs fall for ever along arcs without input.
        """
        options = self.options
        found = self._search(loglikes, options.acoustic_scale, options.lattice_beam)
        arrays = lattice_arrays(self._graph, self._labels, loglikes, found)
        return Lattice(arrays, found.status == FINAL)

    def _search(self, loglikes: Floats, scale: float, lattice_beam: float) -> Found:
        limits = Limits.of(self.options, lattice_beam)
        scores = np.ascontiguousarray(loglikes * np.float32(scale))
        found = Found(*search(self._graph, self._start, scores, limits, self._lookup))
        if found.status == ENDLESS:
            what = f"{self.graph}: HCLG.fst has a cycle of arcs without input whose cost is negative"
            raise UserError(f"{what}; make the graph again from another G.fst.")
        return found


def _first_path(arrays: FstArrays) -> tuple[np.ndarray, np.floating]:
    """The arcs of a path that takes each state's first arc, and the cost of ending."""
    firsts, state, path = np.cumsum(arrays.counts) - arrays.counts, arrays.start, []
    while arrays.counts[state]:
        path.append(arrays.arcs[firsts[state]])
        state = path[-1]["nextstate"]
    return np.array(path, arrays.arcs.dtype), arrays.finals[state, 0]


def _check_labels(graph: Readable, table: str, labels: Ints, highest: int) -> None:
    if labels.max(initial=0) > highest:
        raise UserError(f"{graph}: HCLG.fst and {table} are inconsistent; rerun the graph stage.")


def _check_cycles(graph: Readable, arrays: FstArrays) -> None:
    try:
        check_epsilons(arrays)
    except ValueError as error:
        raise UserError(f"{graph}/HCLG.fst cannot be used: {error}; rerun the graph stage.") from error


def _pdfs(path: Readable) -> np.ndarray:
    """The pdf of each transition-id, int32 [ids + 1]."""
    try:
        return np.loadtxt(file_lines(path), np.int32, ndmin=1)
    except (OSError, ValueError) as error:
        raise UserError(f"cannot read {path} ({error}); run the graph stage.") from error
