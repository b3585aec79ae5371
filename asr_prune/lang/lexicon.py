"""The pronunciation lexicon: reading and checking it, marking phones by position, telling homophones apart."""

from __future__ import annotations

import logging
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from asr_prune.errors import UserError
from asr_prune.lang.symbols import EPSILON

log = logging.getLogger(__name__)

Entry = tuple[str, tuple[str, ...]]  # a word and one of its pronunciations

RESERVED_WORDS = {EPSILON, "<s>", "</s>", "#0"}
_DISAMBIG = re.compile(r"#\d+")
POSITIONS = ("_B", "_E", "_I", "_S")  # begin, end, internal, singleton, in the order of Kaldi's prepare_lang.sh


@dataclass(frozen=True)
class Lexicon:
    """entries: (word, phones) sorted in C order, each once; duplicates: how many repeated lines were skipped."""

    entries: list[Entry]
    duplicates: int


def read_lexicon(path: Path) -> Lexicon:
    """Reads `WORD PH ONES` lines, one pronunciation each; alternatives repeat the word.

    Repeated lines are skipped, counted and named in the log. Raises UserError with the line number for a word without
    phones, a word or phone that the FSTs reserve (`<eps>`, `<s>`, `</s>`, `#1`), and for a file that is missing or
    empty.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(f"cannot read the lexicon {path}: {error.strerror}; the corpus stage makes it.") from error
    except UnicodeDecodeError as error:
        raise UserError(
            f"the lexicon {path} is not UTF-8 (byte {error.start}); convert it, for instance with iconv."
        ) from error
    seen: dict[Entry, int] = {}
    duplicates = 0
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        entry = _entry(line, f"{path}:{number}")
        if entry in seen:
            duplicates += 1
            log.warning("%s:%d: repeats line %d (%s), skipped", path, number, seen[entry], line.strip())
        seen.setdefault(entry, number)
    if not seen:
        raise UserError(f"the lexicon {path} is empty; give it one `WORD PHONE PHONE ...` line per pronunciation.")
    return Lexicon(sorted(seen), duplicates)


def _entry(line: str, where: str) -> Entry:
    word, *phones = line.split()
    if not phones:
        raise UserError(f"{where}: the word {word!r} has an empty pronunciation; give its phones or remove the line.")
    if word in RESERVED_WORDS or _DISAMBIG.fullmatch(word):
        raise UserError(f"{where}: the word {word!r} is reserved for the FSTs; rename it.")
    for phone in phones:
        if phone == EPSILON or _DISAMBIG.fullmatch(phone):
            raise UserError(
                f"{where}: the phone {phone!r} of {word!r} is named like a symbol that the FSTs reserve; rename it."
            )
    return word, tuple(phones)


def mark_positions(phones: tuple[str, ...]) -> tuple[str, ...]:
    """("AE", "N", "D") -> ("AE_B", "N_I", "D_E"); a phone alone gets _S."""
    if len(phones) == 1:
        return (f"{phones[0]}_S",)
    return (f"{phones[0]}_B", *(f"{p}_I" for p in phones[1:-1]), f"{phones[-1]}_E")


def add_disambig(entries: list[Entry]) -> tuple[list[Entry], int]:
    """Ends each pronunciation that is shared, or begins another, with #1, #2, ... so that L∘G can be determinised.

    Returns the entries and the highest number used (0: none), as Kaldi's add_lex_disambig.pl.
    """
    count = Counter(phones for _, phones in entries)
    prefixes = {phones[:n] for phones in count for n in range(1, len(phones))}
    used: Counter[tuple[str, ...]] = Counter()
    marked = []
    for word, phones in entries:
        if count[phones] == 1 and phones not in prefixes:
            marked.append((word, phones))
            continue
        used[phones] += 1
        marked.append((word, (*phones, f"#{used[phones]}")))
    return marked, max(used.values(), default=0)
