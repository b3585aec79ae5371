"""Building the lang folder: lexicon, phones and topology (Kaldi: prepare_lang.sh).

Its files: phones.txt, words.txt, topo, L.fst, L_disambig.fst, oov.txt, oov.int, and in phones/
silence, nonsilence, optional_silence, context_indep and disambig (.txt, .int, .csl), sets and roots
(one class of phones per line, sharing pdfs), and for position-dependent phones word_boundary. The
lexicon itself is there as lexiconp.txt, and as lexiconp_silprob.txt with silprob.txt if it is one.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from asr_prune.corpus.facts import LEXICONS, SILPROB
from asr_prune.errors import UserError
from asr_prune.files import atomic_dir
from asr_prune.lang.fst import Fst, lexicon_fst, write_fst
from asr_prune.lang.lexicon import (
    POSITIONS,
    Entry,
    Lexicon,
    add_disambig,
    check_beside,
    mark_positions,
    read_lexicon,
)
from asr_prune.lang.options import LangOptions
from asr_prune.lang.probabilities import cost, probability_columns, silprob_text
from asr_prune.lang.silence_fst import silence_lexicon_fst
from asr_prune.lang.symbols import EPSILON, number_symbols, write_symbols
from asr_prune.lang.topology import topology

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LangCounts:
    """Sizes of a lang folder; phones: with silence, without disambiguation symbols."""

    words: int
    pronunciations: int
    phones: int
    disambig: int
    duplicates: int


def prepare_lang(lexicon: Path, out: Path, options: LangOptions) -> LangCounts:
    """Writes the lang folder `out`, without G.fst, from a lexicon file.

    Raises UserError as `read_lexicon`.
    """
    read = read_lexicon(lexicon)
    check_beside(lexicon)
    if read.sentence:
        log.info("  silence depends on the words around it, lang.sil_prob does not apply")
    groups = _phone_groups(read.entries, options)
    entries = _with_positions(read.entries, options)
    marked, highest = add_disambig(entries)
    # the last one is at the word boundaries of L_disambig
    disambig = [f"#{i}" for i in range(highest + 2)]
    phones = number_symbols([*chain(*groups), *disambig])
    words = number_symbols([*sorted({word for word, _ in entries}), "#0", "<s>", "</s>"])
    loop = phones["#0"], words["#0"]
    with atomic_dir(out) as folder:
        write_symbols(phones, folder / "phones.txt")
        write_symbols(words, folder / "words.txt")
        _write_phone_lists(folder / "phones", groups, disambig, phones, options)
        _write_oov(folder, words, options.oov_word)
        write_fst(_fst(read, entries, phones, words, options), folder / "L.fst")
        disambiguated = _fst(read, marked, phones, words, options, disambig[-1], loop)
        write_fst(disambiguated, folder / "L_disambig.fst")
        _write_lexicon(folder, read)
        (folder / "topo").write_text(_topo(groups, phones, options))
    return LangCounts(
        words=len({word for word, _ in entries}),
        pronunciations=len(entries),
        phones=len(phones) - 1 - len(disambig),
        disambig=len(disambig),
        duplicates=read.duplicates,
    )


def _fst(
    read: Lexicon,
    entries: list[Entry],
    phones: dict[str, int],
    words: dict[str, int],
    options: LangOptions,
    boundary: str | None = None,
    loop: tuple[int, int] | None = None,
) -> Fst:
    """L of `entries`, or with the disambiguation symbols `boundary` and `loop` L_disambig."""
    silence = options.optional_silence
    if read.sentence:
        given = entries, read.chances, read.sentence, phones, words
        return silence_lexicon_fst(*given, silence, boundary or EPSILON, loop)
    costs = [cost(each.pronunciation) for each in read.chances]
    return lexicon_fst(entries, phones, words, options.sil_prob, silence, boundary, loop, costs)


def _write_lexicon(folder: Path, read: Lexicon) -> None:
    names = LEXICONS[:2] if read.sentence else LEXICONS[1:2]
    for name in names:
        path = folder / name
        path.write_text("".join(read.lines(probability_columns(path))), encoding="utf-8")
    if read.sentence:
        (folder / SILPROB).write_text(silprob_text(read.sentence))


def _phone_groups(entries: list[Entry], options: LangOptions) -> list[list[str]]:
    """Classes of phones that share pdfs, silence first, each class sorted by name."""
    spoken = {phone for _, pronunciation in entries for phone in pronunciation}
    nonsilence = sorted(spoken - set(options.silence_phones))
    if not nonsilence:
        message = "all phones of the lexicon are in lang.silence_phones"
        raise UserError(f"{message}; add words or correct that list.")
    if not options.position_dependent:
        return [[phone] for phone in (*options.silence_phones, *nonsilence)]
    silence = [[phone, *(phone + end for end in POSITIONS)] for phone in options.silence_phones]
    return silence + [[phone + end for end in POSITIONS] for phone in nonsilence]


def _with_positions(entries: list[Entry], options: LangOptions) -> list[Entry]:
    if not options.position_dependent:
        return entries
    return [(word, mark_positions(phones)) for word, phones in entries]


def _split(groups: list[list[str]], options: LangOptions) -> tuple[list[str], list[str]]:
    """Silence phones and other phones, flat."""
    n = len(options.silence_phones)
    return list(chain(*groups[:n])), list(chain(*groups[n:]))


def _ids(symbols: Iterable[str], table: dict[str, int]) -> list[int]:
    return [table[symbol] for symbol in symbols]


def _topo(groups: list[list[str]], phones: dict[str, int], options: LangOptions) -> str:
    silences, others = (_ids(group, phones) for group in _split(groups, options))
    return topology(others, silences, options.phone_states, options.silence_states)


def _write_phone_lists(
    folder: Path,
    groups: list[list[str]],
    disambig: list[str],
    phones: dict[str, int],
    options: LangOptions,
) -> None:
    folder.mkdir()
    silence, nonsilence = _split(groups, options)
    lists = {
        "silence": silence,
        "nonsilence": nonsilence,
        "context_indep": silence,
        "disambig": disambig,
        "optional_silence": [options.optional_silence],
    }
    for name, symbols in lists.items():
        ids = list(map(str, _ids(symbols, phones)))
        _write_lines(folder / f"{name}.txt", symbols)
        _write_lines(folder / f"{name}.int", ids)
        (folder / f"{name}.csl").write_text(":".join(ids) + "\n")
    for name, head in (("sets", ""), ("roots", "shared split ")):
        _write_groups(folder / name, head, groups, phones)
    if options.position_dependent:
        _write_word_boundary(folder, silence + nonsilence, set(options.silence_phones), phones)


def _write_groups(
    stem: Path,
    head: str,
    groups: list[list[str]],
    phones: dict[str, int],
) -> None:
    _write_lines(Path(f"{stem}.txt"), (head + " ".join(group) for group in groups))
    ids_of = (map(str, _ids(group, phones)) for group in groups)
    _write_lines(Path(f"{stem}.int"), (head + " ".join(ids) for ids in ids_of))


def _write_lines(path: Path, lines: Iterable[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _write_word_boundary(
    folder: Path,
    marked: list[str],
    nonword: set[str],
    phones: dict[str, int],
) -> None:
    kinds = {"_B": "begin", "_E": "end", "_I": "internal", "_S": "singleton"}
    kind = {phone: "nonword" if phone in nonword else kinds[phone[-2:]] for phone in marked}
    _write_lines(folder / "word_boundary.txt", (f"{p} {k}" for p, k in kind.items()))
    _write_lines(folder / "word_boundary.int", (f"{phones[p]} {k}" for p, k in kind.items()))


def _write_oov(folder: Path, words: dict[str, int], oov: str) -> None:
    """Writes empty files if the lexicon has no word for unknown words."""
    known = [oov] if oov in words else []
    _write_lines(folder / "oov.txt", known)
    _write_lines(folder / "oov.int", map(str, _ids(known, words)))
