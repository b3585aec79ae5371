"""The lang folder: everything between words and HMM states that does not depend on audio (Kaldi: prepare_lang.sh)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from asr_prune.errors import UserError
from asr_prune.files import atomic_dir
from asr_prune.lang.fst import lexicon_fst, write_fst
from asr_prune.lang.lexicon import POSITIONS, Entry, add_disambig, mark_positions, read_lexicon
from asr_prune.lang.options import LangOptions
from asr_prune.lang.symbols import number_symbols, write_symbols
from asr_prune.lang.topology import topology


@dataclass(frozen=True)
class LangCounts:
    """What `prepare_lang` found: `phones` includes silence and excludes disambiguation symbols."""

    words: int
    pronunciations: int
    phones: int
    disambig: int
    duplicates: int


def prepare_lang(lexicon: Path, out: Path, options: LangOptions) -> LangCounts:
    """Makes the lang folder `out` from a lexicon file; G.fst comes from `make_grammar`.

    Files: phones.txt words.txt topo L.fst L_disambig.fst oov.txt oov.int, and under phones/ silence, nonsilence,
    optional_silence, context_indep and disambig (.txt .int .csl), sets and roots (one class of phones per line, sharing
    pdfs), with position-dependent phones also word_boundary. Raises UserError as `read_lexicon`.
    """
    read = read_lexicon(lexicon)
    groups = _phone_groups(read.entries, options)
    entries = _with_positions(read.entries, options)
    marked, highest = add_disambig(entries)
    disambig = [f"#{i}" for i in range(highest + 2)]  # the last one follows silence in L_disambig
    phones = number_symbols([*(p for group in groups for p in group), *disambig])
    words = number_symbols([*sorted({word for word, _ in entries}), "#0", "<s>", "</s>"])
    sil = options.sil_prob, options.optional_silence
    with atomic_dir(out) as folder:
        write_symbols(phones, folder / "phones.txt")
        write_symbols(words, folder / "words.txt")
        _write_phone_lists(folder / "phones", groups, disambig, phones, options)
        _write_oov(folder, words, options.oov_word)
        write_fst(lexicon_fst(entries, phones, words, *sil), folder / "L.fst")
        passing = phones["#0"], words["#0"]
        write_fst(lexicon_fst(marked, phones, words, *sil, disambig[-1], passing), folder / "L_disambig.fst")
        silences, others = (_ids(group, phones) for group in _split(groups, options))
        (folder / "topo").write_text(topology(others, silences, options.phone_states, options.silence_states))
    count = len(phones) - 1 - len(disambig)
    return LangCounts(len({word for word, _ in entries}), len(entries), count, len(disambig), read.duplicates)


def _phone_groups(entries: list[Entry], options: LangOptions) -> list[list[str]]:
    """Classes of phones that share pdfs, silence first, each class sorted by name."""
    spoken = {phone for _, pronunciation in entries for phone in pronunciation}
    nonsilence = sorted(spoken - set(options.silence_phones))
    if not nonsilence:
        raise UserError("the lexicon has no phone that is not in lang.silence_phones; add words or correct that list.")
    if not options.position_dependent:
        return [[phone] for phone in (*options.silence_phones, *nonsilence)]
    silence = [[phone, *(phone + end for end in POSITIONS)] for phone in options.silence_phones]
    return silence + [[phone + end for end in POSITIONS] for phone in nonsilence]


def _with_positions(entries: list[Entry], options: LangOptions) -> list[Entry]:
    return [(word, mark_positions(phones)) for word, phones in entries] if options.position_dependent else entries


def _split(groups: list[list[str]], options: LangOptions) -> tuple[list[str], list[str]]:
    """Silence phones and the others, flat."""
    n = len(options.silence_phones)
    return list(chain(*groups[:n])), list(chain(*groups[n:]))


def _ids(symbols: Iterable[str], table: dict[str, int]) -> list[int]:
    return [table[symbol] for symbol in symbols]


def _write_phone_lists(
    folder: Path, groups: list[list[str]], disambig: list[str], phones: dict[str, int], options: LangOptions
) -> None:
    folder.mkdir()
    silence, nonsilence = _split(groups, options)
    lists = {"silence": silence, "nonsilence": nonsilence, "context_indep": silence, "disambig": disambig}
    lists["optional_silence"] = [options.optional_silence]
    for name, symbols in lists.items():
        ids = list(map(str, _ids(symbols, phones)))
        (folder / f"{name}.txt").write_text("".join(f"{symbol}\n" for symbol in symbols), encoding="utf-8")
        (folder / f"{name}.int").write_text("".join(f"{i}\n" for i in ids))
        (folder / f"{name}.csl").write_text(":".join(ids) + "\n")
    for name, head in (("sets", ""), ("roots", "shared split ")):
        (folder / f"{name}.txt").write_text("".join(f"{head}{' '.join(group)}\n" for group in groups), encoding="utf-8")
        lines = (" ".join(map(str, _ids(group, phones))) for group in groups)
        (folder / f"{name}.int").write_text("".join(f"{head}{line}\n" for line in lines))
    if options.position_dependent:
        _write_word_boundary(folder, silence + nonsilence, set(options.silence_phones), phones)


def _write_word_boundary(folder: Path, marked: list[str], nonword: set[str], phones: dict[str, int]) -> None:
    kinds = {"_B": "begin", "_E": "end", "_I": "internal", "_S": "singleton"}
    kind = {phone: "nonword" if phone in nonword else kinds[phone[-2:]] for phone in marked}
    (folder / "word_boundary.txt").write_text("".join(f"{p} {k}\n" for p, k in kind.items()), encoding="utf-8")
    (folder / "word_boundary.int").write_text("".join(f"{phones[p]} {k}\n" for p, k in kind.items()))


def _write_oov(folder: Path, words: dict[str, int], oov: str) -> None:
    """Empty files where the lexicon has no word for the unknown."""
    known = oov in words
    (folder / "oov.txt").write_text(f"{oov}\n" if known else "", encoding="utf-8")
    (folder / "oov.int").write_text(f"{words[oov]}\n" if known else "")
