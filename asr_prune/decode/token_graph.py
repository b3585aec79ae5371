"""The decoding graph of a network trained with CTC: tokens, their spelling of words, and the language model (Miao,
Gowayyed and Metze 2015, "EESEN", arXiv 1507.08240).
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

import kaldifst
import numpy as np

from asr_prune.decode.graph import determinised, without_inputs
from asr_prune.errors import UserError
from asr_prune.files import atomic_dir
from asr_prune.lang.fst import Draft, Fst, lexicon_fst, read_fst, write_fst
from asr_prune.lang.lexicon import add_disambig
from asr_prune.lang.native import silenced
from asr_prune.lang.symbols import EPSILON, number_symbols, read_symbols
from asr_prune.lang.tokens import Tokens

NOT_SPOKEN = {EPSILON, "#0", "<s>", "</s>"}


@dataclass(frozen=True)
class TokenGraphSize:
    """Of the graph; tokens: outputs of the network, the blank among them; unspelled: words of the language model that
    the tokens cannot spell.
    """

    states: int
    arcs: int
    tokens: int
    unspelled: list[str]


def make_token_graph(lang: Path, out: Path) -> TokenGraphSize:
    """Writes out/HCLG.fst (token + 1 to words; min(det(L o G)) behind the paths of CTC), out/words.txt, out/pdfs.txt
    (the token of each input label), out/disambig_tid.int (empty) and out/size.json: what `Decoder` reads.

    lang: tokens.txt, words.txt and G.fst. Raises UserError where a file is missing or no word can be spelled.
    """
    tokens, words = Tokens.read(lang), read_symbols(lang / "words.txt")
    spellings = {word: tokens.spellings(word) for word in words if word not in NOT_SPOKEN}
    entries = [(word, _named(tokens, way)) for word, ways in spellings.items() for way in ways]
    if not entries:
        raise UserError(f"{lang}: the tokens spell no word of the language model; make both of text in the same case.")
    graph = _graph(entries, len(tokens.symbols), words, read_fst(lang / "G.fst", "lang"))
    arcs = sum(graph.num_arcs(state) for state in range(graph.num_states))
    unspelled = sorted(word for word, ways in spellings.items() if not ways)
    size = TokenGraphSize(graph.num_states, arcs, len(tokens.symbols), unspelled)
    with atomic_dir(out) as partial:
        write_fst(graph, partial / "HCLG.fst")
        shutil.copyfile(lang / "words.txt", partial / "words.txt")
        np.savetxt(partial / "pdfs.txt", np.arange(-1, len(tokens.symbols)), "%d")
        (partial / "disambig_tid.int").write_text("")
        (partial / "size.json").write_text(json.dumps(asdict(size)))
    return size


def _named(tokens: Tokens, spelling: tuple[str, ...]) -> tuple[str, ...]:
    """Tokens by their numbers, which are not named like disambiguation symbols."""
    return tuple(str(tokens.ids[token]) for token in spelling)


def _graph(entries: list[tuple[str, tuple[str, ...]]], tokens: int, words: dict[str, int], grammar: Fst) -> Fst:
    marked, highest = add_disambig(entries)
    disambig = [f"#{i}" for i in range(highest + 1)]
    table = number_symbols([*(str(i) for i in range(tokens)), *disambig])
    with silenced():
        passing = table["#0"], words["#0"]
        lexicon = lexicon_fst(marked, table, words, 0.0, "", loop_disambig=passing)
        kaldifst.arcsort(grammar, "ilabel")
        lg = kaldifst.compose(lexicon, grammar)
        if lg.start < 0:
            raise UserError("the language model allows no word that the tokens spell; check the training text's words.")
        lg = determinised(lg, "LG")
        kaldifst.minimize_encoded(lg)
        lg = without_inputs(lg, [table[symbol] for symbol in disambig])
        kaldifst.arcsort(lg, "ilabel")
        return kaldifst.compose(ctc_paths(tokens), lg)


def ctc_paths(tokens: int) -> Fst:
    """Frames' labels to tokens, ids one higher as 0 is epsilon: a token may go on, a blank (token 0) may stand anywhere
    and must stand between a token and the same again. State i is that of the token i, state 0 of the blank.
    """
    draft = Draft(states=tokens)
    for source in range(tokens):
        for target in range(tokens):
            draft.arc(source, target, target + 1, 0 if target in (0, source) else target + 1, 0.0)
    paths = draft.fst(range(tokens))
    kaldifst.arcsort(paths, "olabel")
    return paths
