"""Beam search in HCLG: best path (Kaldi: gmm-decode-faster) or lattice (gmm-latgen-simple)."""

from __future__ import annotations

from dataclasses import dataclass, field

import kaldi_hmm_gmm as khg
import kaldifst
import numpy as np
from kaldi_decoder import DecodableCtc, LatticeSimpleDecoder, LatticeSimpleDecoderConfig

from asr_prune.decode.acyclic import check_epsilons
from asr_prune.decode.arrays import FstArrays
from asr_prune.decode.lattice import Lattice
from asr_prune.decode.options import DecodeOptions
from asr_prune.errors import UserError
from asr_prune.files import Readable
from asr_prune.hmm.gmm import Floats, Ints
from asr_prune.integrity import checked
from asr_prune.lang.binary import LATTICE_ARC
from asr_prune.lang.fst import read_fst_parts
from asr_prune.lang.native import silenced
from asr_prune.lang.symbols import read_symbols

# frames between two removals of paths outside the lattice beam; Kaldi's default of 25 takes a
# third more time for the same lattice
_PRUNE_INTERVAL = 100


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

    Input labels of the graph are mapped to pdf + 1 once, so that the search reads a [frames, pdfs]
    matrix. Output labels become numbers of (transition-id, word) pairs, so that a lattice has both.
    Pickled by the path of the folder. Raises UserError if a file is missing, damaged or inconsistent
    with the others.
    """

    def __init__(self, graph: Readable, options: DecodeOptions) -> None:
        pdfs = _pdfs(graph / "pdfs.txt")
        self.num_pdfs = int(pdfs.max()) + 1
        self.words = {i: word for word, i in read_symbols(graph / "words.txt").items()}
        self.graph, self.options = graph, options
        arrays = FstArrays(*read_fst_parts(graph / "HCLG.fst", "graph"))
        ids, words = arrays.arcs["ilabel"], arrays.arcs["olabel"]
        _check_labels(graph, "pdfs.txt", ids, len(pdfs) - 1)
        _check_labels(graph, "words.txt", words, max(self.words))
        _check_cycles(graph, arrays)
        self.pairs, labels = _pairs(ids, words)
        arrays.arcs["ilabel"] = np.where(ids > 0, pdfs[ids] + 1, 0)
        arrays.arcs["olabel"] = labels
        self.fst = arrays.fst()

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

        scale: acoustic scale, 1 / LM weight.
        """
        beams = {"beam": self.options.beam, "max_active": self.options.max_active}
        search = khg.FasterDecoder(self.fst, khg.FasterDecoderOptions(**beams))
        with silenced():
            search.decode(khg.DecodableCtc(loglikes * np.float32(scale)))
            found, path = search.get_best_path()
        if not found:
            return BestPath([], -np.inf, False, np.zeros(0, np.int32))
        _, labels, pairs, cost = kaldifst.get_linear_symbol_sequence(path)
        words = self.pairs[pairs, 1]
        score = -float(cost.value1 + cost.value2)
        pdfs = np.asarray(labels, np.int32) - 1
        names = [self.words[i] for i in words[words > 0].tolist()]
        return BestPath(names, score, search.reached_final(), pdfs)

    def lattice(self, loglikes: Floats) -> Lattice:
        """All paths within the lattice beam of the best one at `options.acoustic_scale`.

        loglikes: checked, float32 [frames, pdfs]. The lattice is empty if no path survived.
        `max_active` is ignored: the library's lattice decoders that support it do not return the
        lattice.
        """
        options = self.options
        config = LatticeSimpleDecoderConfig(
            beam=options.beam, lattice_beam=options.lattice_beam, prune_interval=_PRUNE_INTERVAL
        )
        search = LatticeSimpleDecoder(self.fst, config)
        with silenced():
            scores = loglikes * np.float32(options.acoustic_scale)
            reached_final = search.decode(DecodableCtc(scores))
            raw = search.get_raw_lattice()[1]
        return Lattice(self._relabelled(raw), reached_final)

    def _relabelled(self, raw: kaldifst.Lattice) -> FstArrays:
        """With transition-ids and words as labels, and unscaled acoustic costs."""
        arrays = FstArrays.of(raw)
        arcs = np.empty(len(arrays.arcs), LATTICE_ARC)
        arcs["ilabel"], arcs["olabel"] = self.pairs[arrays.arcs["olabel"]].T
        arcs["nextstate"] = arrays.arcs["nextstate"]
        unscaled = np.array([1, 1 / self.options.acoustic_scale], np.float32)
        arcs["weight"] = arrays.arcs["weight"] * unscaled
        return FstArrays(arrays.start, arrays.finals * unscaled, arrays.counts, arcs)


def _check_labels(graph: Readable, table: str, labels: Ints, highest: int) -> None:
    if labels.max(initial=0) > highest:
        raise UserError(f"{graph}: HCLG.fst and {table} are inconsistent; rerun the graph stage.")


def _check_cycles(graph: Readable, arrays: FstArrays) -> None:
    try:
        check_epsilons(arrays)
    except ValueError as error:
        raise UserError(f"{graph}/HCLG.fst cannot be used: {error}; rerun the graph stage.") from error


def _pairs(ids: Ints, words: Ints) -> tuple[Ints, Ints]:
    """(transition-id, word) pairs, int32 [pairs, 2], (0, 0) first; and each arc's pair number."""
    size = int(words.max(initial=0)) + 1
    codes = np.append(0, ids.astype(np.int64) * size + words)
    unique, labels = np.unique(codes, return_inverse=True)
    return np.stack(np.divmod(unique, size), axis=1).astype(np.int32), labels[1:].astype(np.int32)


def _pdfs(path: Readable) -> np.ndarray:
    """The pdf of each transition-id, int32 [ids + 1]."""
    try:
        return np.loadtxt(checked(path).read_text(encoding="utf-8").splitlines(), np.int32, ndmin=1)
    except (OSError, ValueError) as error:
        raise UserError(f"cannot read {path} ({error}); run the graph stage.") from error
