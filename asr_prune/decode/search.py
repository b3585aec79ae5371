"""Beam search in HCLG over a matrix of log-likelihoods (Kaldi: gmm-latgen-faster's search, best path only)."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import kaldi_hmm_gmm as khg
import kaldifst
import numpy as np

from asr_prune.decode.arrays import FstArrays
from asr_prune.decode.options import DecodeOptions
from asr_prune.errors import UserError
from asr_prune.hmm.gmm import Floats, Ints
from asr_prune.lang.fst import Fst, read_fst
from asr_prune.lang.native import silenced
from asr_prune.lang.symbols import read_table


@dataclass(frozen=True)
class Hypothesis:
    """score: log-likelihood of the best path, scaled acoustics plus graph less word penalties (minus Kaldi's total
    cost); reached_final: False where no path ends in a final state, and the words are those of the best unfinished
    path; pdfs: of each frame on that path, int32 [frames], empty where there is none.
    """

    words: list[str]
    score: float
    reached_final: bool
    pdfs: Ints = field(compare=False)


class Decoder:
    """Decodes with the graph folder that `make_graph` wrote.

    The graph's input labels are made pdf + 1 once, so that the search reads a [frames, pdfs] matrix directly; each word
    penalty has its own copy of the graph with that cost on the arcs that bear words, made when first asked for.
    """

    def __init__(self, graph: Path, options: DecodeOptions) -> None:
        pdfs = _pdfs(graph / "pdfs.txt")
        self.num_pdfs = int(pdfs.max()) + 1
        self.words = {i: word for word, i in read_table(graph / "words.txt").items()}
        self.options = khg.FasterDecoderOptions(beam=options.beam, max_active=options.max_active)
        self.arrays = FstArrays.of(read_fst(graph / "HCLG.fst", "graph"))
        labels = self.arrays.arcs["ilabel"]
        if labels.max(initial=0) >= len(pdfs):
            raise UserError(f"{graph}: HCLG.fst and pdfs.txt do not belong together; run the graph stage again.")
        self.arrays.arcs["ilabel"] = np.where(labels > 0, pdfs[labels] + 1, 0)
        self.fsts: dict[float, Fst] = {}

    def fst(self, penalty: float) -> Fst:
        """The graph whose words cost `penalty` more."""
        if penalty not in self.fsts:
            arcs = self.arrays.arcs.copy()
            arcs["weight"][arcs["olabel"] > 0] += np.float32(penalty)
            self.fsts[penalty] = FstArrays(self.arrays.start, self.arrays.finals, self.arrays.counts, arcs).fst()
        return self.fsts[penalty]

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

    def decode(self, loglikes: Floats, scale: float, penalty: float) -> Hypothesis:
        """The best words for loglikes [frames, pdfs], float32.

        scale: of the log-likelihoods, 1/w for LM weight w; penalty: cost of each word, added to the graph's as Kaldi's
        word insertion penalty is. Raises UserError as `check`.
        """
        self.check("the utterance", loglikes)
        return self.search(loglikes, scale, penalty)

    def search(self, loglikes: Floats, scale: float, penalty: float) -> Hypothesis:
        """`decode` for log-likelihoods that are known to be good."""
        search = khg.FasterDecoder(self.fst(penalty), self.options)
        with silenced():
            search.decode(khg.DecodableCtc(loglikes * np.float32(scale)))
            found, path = search.get_best_path()
        if not found:
            return Hypothesis([], -np.inf, False, np.zeros(0, np.int32))
        _, labels, words, cost = kaldifst.get_linear_symbol_sequence(path)
        score = -float(cost.value1 + cost.value2)
        pdfs = np.asarray(labels, np.int32) - 1
        return Hypothesis([self.words[i] for i in words], score, search.reached_final(), pdfs)


def _pdfs(path: Path) -> np.ndarray:
    """The pdf of each transition-id, int32 [ids + 1]."""
    try:
        return np.loadtxt(path, np.int32, ndmin=1)
    except (OSError, ValueError) as error:
        raise UserError(f"cannot read {path} ({error}); the graph stage makes it.") from error
