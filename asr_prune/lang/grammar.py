"""The language model as an FST: G from an ARPA file."""

from __future__ import annotations

import logging
import math
import re
from dataclasses import dataclass
from pathlib import Path

import kaldifst
import kaldilm

from asr_prune.errors import UserError
from asr_prune.lang.back_off import without_idle_states
from asr_prune.lang.fst import write_fst
from asr_prune.lang.native import silenced
from asr_prune.lang.symbols import read_table, spoken_words

log = logging.getLogger(__name__)

SENTENCE = {"<s>", "</s>"}


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

    n-grams with a word that has no pronunciation are left out, and such words logged. Raises UserError for an ARPA file
    that is missing, cut short, or whose counts are wrong, and where no LM word has a pronunciation.
    """
    words, spoken = read_table(lang / "words.txt"), spoken_words(lang)
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
    with silenced():
        table = str(lang / "words.txt")
        text = kaldilm.arpa2fst(str(arpa), "", disambig_symbol="#0", read_symbol_table=table, max_arpa_warnings=0)
    fst = kaldifst.compile(without_idle_states(text, words["#0"]))
    kaldifst.connect(fst)
    kaldifst.arcsort(fst, "ilabel")
    write_fst(fst, lang / "G.fst")
    arcs = sum(fst.num_arcs(state) for state in range(fst.num_states))
    return GrammarCounts(order, len(known), dropped, missing, fst.num_states, arcs)


def check_arpa(path: Path) -> tuple[set[str], int]:
    """Reads an ARPA file through: its unigram words, `<s>` and `</s>` included, and its order.

    Raises UserError, with the line number, where the file ends early, counts disagree, or a line is not an n-gram.
    """
    stated: dict[int, int] = {}
    found: dict[int, int] = {}
    unigrams: set[str] = set()
    section = "before"
    for number, line in enumerate(_lines(path), 1):
        line = line.strip()
        if line == "\\data\\":
            section = "data"
        elif section == "before" or not line:
            continue
        elif line == "\\end\\":
            return unigrams, _compare(path, stated, found)
        elif match := re.fullmatch(r"\\(\d+)-grams:", line):
            section = match[1]
            found[int(section)] = 0
        elif section == "data":
            match = re.fullmatch(r"ngram\s+(\d+)\s*=\s*(\d+)", line)
            if not match:
                raise UserError(
                    f"{path}:{number}: expected `ngram N=COUNT`, found {line!r}; the ARPA header is damaged."
                )
            stated[int(match[1])] = int(match[2])
        else:
            order = int(section)
            found[order] += 1
            words = _ngram(line, order, max(stated, default=0), f"{path}:{number}")
            if order == 1:
                unigrams.update(words)
    raise UserError(f"the ARPA file {path} is cut short: it has no \\end\\ line; make or copy it again.")


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise UserError(
            f"cannot read the language model {path}: {error.strerror}; the corpus stage makes it."
        ) from error


def _ngram(line: str, order: int, highest: int, where: str) -> list[str]:
    fields = line.split()
    try:
        costs = [float(field) for field in (fields[0], *fields[order + 1 :])]
        lengths = (order + 1,) if order == highest else (order + 1, order + 2)
        finite = len(fields) in lengths and all(map(math.isfinite, costs))
    except ValueError:
        finite = False
    if not finite:
        raise UserError(
            f"{where}: expected a log-probability, {order} words and perhaps, below the highest order, a back-off "
            f"weight, found {line!r}."
        )
    return fields[1 : order + 1]


def _compare(path: Path, stated: dict[int, int], found: dict[int, int]) -> int:
    if stated != found or not stated:
        raise UserError(
            f"the ARPA file {path} states {stated} n-grams per order and has {found}; make or copy it again."
        )
    return max(stated)
