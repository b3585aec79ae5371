"""The language model as an FST: G from an ARPA file."""

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
    """order of the LM; words: its words with a pronunciation; dropped: those without; missing: those it lacks."""

    order: int
    words: int
    dropped: list[str]
    missing: list[str]
    states: int
    arcs: int


def make_grammar(arpa: Path, lang: Path) -> GrammarCounts:
    """Writes lang/G.fst, words with #0 on the input side of back-off arcs (Kaldi: arpa2fst --disambig-symbol=#0).

    n-grams with a word that has no pronunciation are left out, and such words logged. Raises UserError as `check_arpa`
    and `arpa_to_text`, and where no LM word has a pronunciation.
    """
    words, spoken = read_symbols(lang / "words.txt"), spoken_words(lang)
    unigrams, order = check_arpa(arpa)
    dropped, missing = sorted(unigrams - spoken - SENTENCE), sorted(spoken - unigrams)
    known = unigrams & spoken
    if not known:
        raise UserError(
            f"no word of {arpa} is in the lexicon; use a language model of the same language and letter case."
        )
    if dropped:
        log.warning("%s: %d words without pronunciation are dropped: %s", arpa, len(dropped), " ".join(dropped[:10]))
    if missing:
        log.warning("%s lacks %d words of the lexicon: %s", arpa, len(missing), " ".join(missing[:10]))
    fst = kaldifst.compile(without_redundant_states(arpa_to_text(arpa, lang / "words.txt"), words["#0"]))
    kaldifst.connect(fst)
    kaldifst.arcsort(fst, "ilabel")
    write_fst(fst, lang / "G.fst")
    arcs = sum(fst.num_arcs(state) for state in range(fst.num_states))
    return GrammarCounts(order, len(known), dropped, missing, fst.num_states, arcs)
