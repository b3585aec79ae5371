"""G, the language model as an FST, from an ARPA file."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import kaldifst

from asr_prune.errors import UserError
from asr_prune.lang.arpa import SENTENCE, arpa_to_text, check_arpa
from asr_prune.lang.back_off import without_redundant_states
from asr_prune.lang.fst import write_fst
from asr_prune.lang.symbols import read_symbols, spoken_words

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class GrammarCounts:
    """words: number of pronounceable words; dropped: other words; missing: from the model."""

    order: int
    words: int
    dropped: list[str]
    missing: list[str]
    states: int
    arcs: int


def make_grammar(arpa: Path, lang: Path) -> GrammarCounts:
    """Writes lang/G.fst, with #0 as input label of back-off arcs (arpa2fst --disambig-symbol=#0).

    n-grams with a word without pronunciation are left out; such words are logged. Raises UserError
    as `check_arpa` and `arpa_to_text`, and if no word of the model has a pronunciation.
    """
    words, spoken = read_symbols(lang / "words.txt"), spoken_words(lang)
    checked = check_arpa(arpa)
    unigrams, order = checked.words, checked.order
    dropped, missing = sorted(unigrams - spoken - SENTENCE), sorted(spoken - unigrams)
    known = unigrams & spoken
    if not known:
        message = f"no word of {arpa} is in the lexicon"
        raise UserError(f"{message}; use a language model of the same language and letter case.")
    _warn("%s: %d words without pronunciation are dropped: %s", arpa, dropped)
    _warn("%s lacks %d words of the lexicon: %s", arpa, missing)
    text = arpa_to_text(checked, lang / "words.txt")
    fst = kaldifst.compile(without_redundant_states(text, words["#0"]))
    kaldifst.connect(fst)
    kaldifst.arcsort(fst, "ilabel")
    write_fst(fst, lang / "G.fst")
    arcs = sum(fst.num_arcs(state) for state in range(fst.num_states))
    return GrammarCounts(order, len(known), dropped, missing, fst.num_states, arcs)


def _warn(message: str, arpa: Path, words: list[str]) -> None:
    if words:
        log.warning(message, arpa, len(words), " ".join(words[:10]))
