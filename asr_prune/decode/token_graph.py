"""The decoding graph of CTC: tokens, spellings of words, and the language model.

Miao, Gowayyed and Metze 2015, "EESEN", arXiv 1507.08240.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import kaldifst
import numpy as np

from asr_prune.decode.graph import determinised, without_inputs
from asr_prune.errors import UserError
from asr_prune.files import atomic_dir
from asr_prune.integrity import checked
from asr_prune.lang.fst import Draft, Fst, lexicon_fst, read_fst, write_fst
from asr_prune.lang.lexicon import Entry, add_disambig
from asr_prune.lang.native import silenced
from asr_prune.lang.symbols import EPSILON, number_symbols, read_symbols
from asr_prune.lang.tokens import Tokens

_NOT_SPOKEN = {EPSILON, "#0", "<s>", "</s>"}


@dataclass(frozen=True)
class TokenGraphSize:
    """Size of the graph.

    tokens: outputs of the network, blank included; unspelled: words of the language model that the
    tokens cannot spell.
    """

    states: int
    arcs: int
    tokens: int
    unspelled: list[str]


def make_token_graph(lang: Path, out: Path) -> TokenGraphSize:
    """Writes the graph folder `out` for `Decoder`.

    Files: HCLG.fst (token + 1 to words: CTC paths composed with min(det(L o G))), words.txt,
    pdfs.txt (token of each input label), disambig_tid.int (empty), size.json. lang: folder with
    tokens.txt, words.txt and G.fst. Raises UserError if a file is missing or no word can be
    spelled.
    """
    tokens, words = Tokens.read(lang), read_symbols(lang / "words.txt")
    entries = spelled_words(lang, tokens, words)
    graph = _graph(entries, len(tokens.symbols), words, read_fst(lang / "G.fst", "lang", (words, words)))
    arcs = sum(graph.num_arcs(state) for state in range(graph.num_states))
    unspelled = sorted(words.keys() - _NOT_SPOKEN - {word for word, _ in entries})
    size = TokenGraphSize(graph.num_states, arcs, len(tokens.symbols), unspelled)
    _write(out, graph, lang / "words.txt", size)
    return size


def _write(out: Path, graph: Fst, words: Path, size: TokenGraphSize) -> None:
    with atomic_dir(out) as partial:
        write_fst(graph, partial / "HCLG.fst")
        shutil.copyfile(checked(words), partial / "words.txt")
        np.savetxt(partial / "pdfs.txt", np.arange(-1, size.tokens), "%d")
        (partial / "disambig_tid.int").write_text("")
        (partial / "size.json").write_text(json.dumps(asdict(size)))


def spelled_words(lang: Path, tokens: Tokens, words: Iterable[str]) -> list[Entry]:
    """The words of a language model with their tokens, by number so that none is named like a
    disambiguation symbol; one entry per spelling. Raises UserError if no word can be spelled.
    """
    spoken = [word for word in words if word not in _NOT_SPOKEN]
    entries = [(word, _named(tokens, way)) for word in spoken for way in tokens.spellings(word)]
    if not entries:
        raise UserError(f"{lang}: the tokens spell no word of the language model; unify the case.")
    return entries


def _named(tokens: Tokens, spelling: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(str(tokens.ids[token]) for token in spelling)


def _graph(
    entries: list[tuple[str, tuple[str, ...]]],
    tokens: int,
    words: dict[str, int],
    grammar: Fst,
) -> Fst:
    marked, highest = add_disambig(entries)
    disambig = [f"#{i}" for i in range(highest + 1)]
    table = number_symbols([*(str(i) for i in range(tokens)), *disambig])
    with silenced():
        passing = table["#0"], words["#0"]
        lexicon = lexicon_fst(marked, table, words, 0.0, "", loop_disambig=passing)
        kaldifst.arcsort(grammar, "ilabel")
        lg = kaldifst.compose(lexicon, grammar)
        if lg.start < 0:
            raise UserError("G.fst allows no word that the tokens spell; check its training text.")
        lg = determinised(lg, "LG")
        kaldifst.minimize_encoded(lg)
        lg = without_inputs(lg, [table[symbol] for symbol in disambig])
        kaldifst.arcsort(lg, "ilabel")
        return kaldifst.compose(ctc_paths(tokens), lg)


def ctc_paths(tokens: int) -> Fst:
    """CTC paths: an FST from the token of each frame to tokens, ids + 1 since 0 is epsilon.

    A token may repeat over frames; the blank (token 0) may stand anywhere and must separate two
    equal tokens. State i belongs to token i.
    """
    draft = Draft(states=tokens)
    for source in range(tokens):
        for target in range(tokens):
            draft.arc(source, target, target + 1, 0 if target in (0, source) else target + 1, 0.0)
    paths = draft.fst(range(tokens))
    kaldifst.arcsort(paths, "olabel")
    return paths
