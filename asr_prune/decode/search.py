"""Beam search in HCLG over a matrix of log-likelihoods: the best path (Kaldi: gmm-decode-faster) or a lattice
(gmm-latgen-simple).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import kaldi_hmm_gmm as khg
import kaldifst
import numpy as np
from kaldi_decoder import DecodableCtc, LatticeSimpleDecoder, LatticeSimpleDecoderConfig

from asr_prune.decode.arrays import FstArrays
from asr_prune.decode.binary import LATTICE_ARC
from asr_prune.decode.lattice import Lattice
from asr_prune.decode.options import DecodeOptions
from asr_prune.errors import UserError
from asr_prune.hmm.gmm import Floats, Ints
from asr_prune.lang.fst import read_fst
from asr_prune.lang.native import silenced
from asr_prune.lang.symbols import read_symbols


@dataclass(frozen=True)
class Hypothesis:
    """score: log-likelihood of the best path, scaled acoustics plus graph (minus Kaldi's total cost), -infinity where
    no path lived to the end; reached_final: False where no path ends in a final state, and the words are those of the
    best unfinished path; pdfs: of each frame on that path, int32 [frames], empty where there is none.
    """

    words: list[str]
    score: float
    reached_final: bool
    pdfs: Ints = field(compare=False)


class Decoder:
    """Decodes with the graph folder that `make_graph` wrote.

    The graph's input labels are made pdf + 1 once, so that the search reads a [frames, pdfs] matrix directly, and its
    output labels the number of the arc's pair of transition-id and word, so that a lattice has both.
    """

    def __init__(self, graph: Path, options: DecodeOptions) -> None:
        pdfs = _pdfs(graph / "pdfs.txt")
        self.num_pdfs = int(pdfs.max()) + 1
        self.words = {i: word for word, i in read_symbols(graph / "words.txt").items()}
        self.options = options
        arrays = FstArrays.of(read_fst(graph / "HCLG.fst", "graph"))
        ids, words = arrays.arcs["ilabel"], arrays.arcs["olabel"]
        if ids.max(initial=0) >= len(pdfs):
            raise UserError(f"{graph}: HCLG.fst and pdfs.txt do not belong together; run the graph stage again.")
        if words.max(initial=0) > max(self.words):
            raise UserError(f"{graph}: HCLG.fst and words.txt do not belong together; run the graph stage again.")
        self.pairs, labels = _pairs(ids, words)
        arrays.arcs["ilabel"] = np.where(ids > 0, pdfs[ids] + 1, 0)
        arrays.arcs["olabel"] = labels
        self.fst = arrays.fst()

    def check(self, utt: str, loglikes: Floats) -> None:
        """Raises UserError where log-likelihoods [frames, pdfs] are empty, not finite, or of another model than the
        graph.
        """
        if loglikes.ndim != 2 or loglikes.shape[1] != self.num_pdfs:
            raise UserError(
                f"{utt}: the network gives {loglikes.shape[-1]} pdfs and the graph has {self.num_pdfs}; "
                "train the network on the labels of the pass that made the graph, or run the graph stage again."
            )
        if not len(loglikes):
            raise UserError(f"{utt} has no frame to decode; leave it out or mend its audio.")
        if not np.isfinite(loglikes).all():
            raise UserError(
                f"{utt}: the log-likelihoods hold NaN or infinity; the network has diverged, lower its learning rate."
            )

    def best(self, loglikes: Floats, scale: float) -> Hypothesis:
        """The best words for loglikes, float32 [frames, pdfs], known to be good; scale: 1/w for LM weight w."""
        options = khg.FasterDecoderOptions(beam=self.options.beam, max_active=self.options.max_active)
        search = khg.FasterDecoder(self.fst, options)
        with silenced():
            search.decode(khg.DecodableCtc(loglikes * np.float32(scale)))
            found, path = search.get_best_path()
        if not found:
            return Hypothesis([], -np.inf, False, np.zeros(0, np.int32))
        _, labels, pairs, cost = kaldifst.get_linear_symbol_sequence(path)
        words = self.pairs[pairs, 1]
        score = -float(cost.value1 + cost.value2)
        pdfs = np.asarray(labels, np.int32) - 1
        return Hypothesis([self.words[i] for i in words[words > 0].tolist()], score, search.reached_final(), pdfs)

    def lattice(self, loglikes: Floats) -> Lattice:
        """All paths within the lattice beam of the best, searched at `options.acoustic_scale`; empty where none lived
        to the end. loglikes: float32 [frames, pdfs], known to be good.

        `max_active` has no say: the library's lattice decoders that know it do not give the lattice.
        """
        options = self.options
        config = LatticeSimpleDecoderConfig(beam=options.beam, lattice_beam=options.lattice_beam)
        search = LatticeSimpleDecoder(self.fst, config)
        with silenced():
            reached_final = search.decode(DecodableCtc(loglikes * np.float32(options.acoustic_scale)))
            raw = search.get_raw_lattice()[1]
        return Lattice(self._relabelled(raw), reached_final)

    def _relabelled(self, raw: kaldifst.Lattice) -> FstArrays:
        """With transition-ids and words for labels and unscaled acoustic costs."""
        arrays = FstArrays.of(raw)
        arcs = np.empty(len(arrays.arcs), LATTICE_ARC)
        arcs["ilabel"], arcs["olabel"] = self.pairs[arrays.arcs["olabel"]].T
        arcs["nextstate"] = arrays.arcs["nextstate"]
        unscaled = np.array([1, 1 / self.options.acoustic_scale], np.float32)
        arcs["weight"] = arrays.arcs["weight"] * unscaled
        return FstArrays(arrays.start, arrays.finals * unscaled, arrays.counts, arcs)


def _pairs(ids: Ints, words: Ints) -> tuple[Ints, Ints]:
    """Pairs of transition-id and word, int32 [pairs, 2], (0, 0) first; and the number of each arc's pair."""
    size = int(words.max(initial=0)) + 1
    both, labels = np.unique(np.append(0, ids.astype(np.int64) * size + words), return_inverse=True)
    return np.stack(np.divmod(both, size), axis=1).astype(np.int32), labels[1:].astype(np.int32)


def _pdfs(path: Path) -> np.ndarray:
    """The pdf of each transition-id, int32 [ids + 1]."""
    try:
        return np.loadtxt(path, np.int32, ndmin=1)
    except (OSError, ValueError) as error:
        raise UserError(f"cannot read {path} ({error}); the graph stage makes it.") from error
