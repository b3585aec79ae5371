"""The decoding graph of CTC for a decoder that reads words from first frames of tokens alone."""

from __future__ import annotations

from pathlib import Path

import kaldifst
import numpy as np

from asr_prune.decode.arrays import FstArrays
from asr_prune.decode.graph import without_inputs
from asr_prune.decode.options import Point
from asr_prune.decode.token_graph import ctc_paths, spelled_words
from asr_prune.errors import UserError
from asr_prune.lang.fst import Fst, lexicon_fst, read_fst
from asr_prune.lang.native import silenced
from asr_prune.lang.symbols import number_symbols, read_symbols
from asr_prune.lang.tokens import Tokens


def sherpa_graph(lang: Path, point: Point, log_priors: np.ndarray) -> Fst:
    """token + 1 to words, as `make_token_graph`, with each word on the first frame of a token.

    sherpa-onnx's decoder drops the words of arcs without input, of blanks and of repeated tokens
    (OfflineCtcFstDecoder), where determinisation puts some. This graph is not determinised; it has
    the same paths at the same costs, and more arcs. point: LM weight w and word insertion penalty;
    log_priors: of tokens, float32 [tokens]. For network outputs divided by w, the sum of costs is
    that of our search: penalties are added to words, log priors / w to tokens. Raises UserError as
    `make_token_graph`.
    """
    tokens, words = Tokens.read(lang), read_symbols(lang / "words.txt")
    entries = spelled_words(lang, tokens, words)
    grammar = read_fst(lang / "G.fst", "lang", (words, words))
    table = number_symbols([*(str(i) for i in range(len(tokens.symbols))), "#0"])
    with silenced():
        passing = table["#0"], words["#0"]
        lexicon = lexicon_fst(entries, table, words, 0.0, "", loop_disambig=passing)
        kaldifst.arcsort(grammar, "ilabel")
        lg = kaldifst.compose(lexicon, grammar)
        if lg.start < 0:
            raise UserError("G.fst allows no word that the tokens spell; check its training text.")
        lg = without_inputs(lg, [table["#0"]])
        kaldifst.arcsort(lg, "ilabel")
        graph = kaldifst.compose(ctc_paths(len(tokens.symbols)), lg)
    return _weighted(graph, point, log_priors)


def _weighted(graph: Fst, point: Point, log_priors: np.ndarray) -> Fst:
    """With arcs in the order of their labels: of words that sound alike and cost the same, the
    decoder takes the first, and so does our search.
    """
    weight, penalty = point
    arrays = FstArrays.of(graph)
    order = np.lexsort((arrays.arcs["olabel"], arrays.arcs["ilabel"], arrays.sources))
    arrays.arcs = arrays.arcs[order]
    of_tokens = np.concatenate([[0.0], log_priors / weight])[arrays.arcs["ilabel"]]
    arrays.arcs["weight"] += (of_tokens + penalty * (arrays.arcs["olabel"] > 0)).astype(np.float32)
    return arrays.fst()
