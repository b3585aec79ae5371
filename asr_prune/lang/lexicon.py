"""The pronunciation lexicon: reading, position markers and disambiguation symbols."""

from __future__ import annotations

import logging
import re
from collections import Counter
from dataclasses import dataclass

from asr_prune.errors import UserError
from asr_prune.files import Readable
from asr_prune.integrity import checked
from asr_prune.lang.symbols import EPSILON

log = logging.getLogger(__name__)

#: a word and one of its pronunciations
Entry = tuple[str, tuple[str, ...]]

RESERVED_WORDS = {EPSILON, "<s>", "</s>", "#0"}
_DISAMBIG = re.compile(r"#\d+")
#: begin, end, internal, singleton, in the order of Kaldi's prepare_lang.sh
POSITIONS = ("_B", "_E", "_I", "_S")


@dataclass(frozen=True)
class Lexicon:
    """entries: (word, phones) in C order; duplicates: number of repeated lines, skipped."""

    entries: list[Entry]
    duplicates: int


def read_lexicon(path: Readable) -> Lexicon:
    """Reads `WORD PH ONES` lines, one pronunciation per line.

    Repeated lines are skipped, counted and logged. Raises UserError, with the line number, for a
    word without phones and for a word or phone that is reserved for the FSTs (`<eps>`, `<s>`,
    `</s>`, `#1`); also if the file is missing, empty or not UTF-8.
    """
    seen: dict[Entry, int] = {}
    duplicates = 0
    for number, line in enumerate(_text(path).splitlines(), 1):
        if not line.strip():
            continue
        entry = _entry(line, f"{path}:{number}")
        if entry in seen:
            duplicates += 1
            message = "%s:%d: repeats line %d (%s), skipped"
            log.warning(message, path, number, seen[entry], line.strip())
        seen.setdefault(entry, number)
    if not seen:
        message = f"the lexicon {path} is empty"
        raise UserError(f"{message}; write one `WORD PHONE PHONE ...` line per pronunciation.")
    return Lexicon(sorted(seen), duplicates)


def _text(path: Readable) -> str:
    try:
        return checked(path).read_text(encoding="utf-8")
    except OSError as error:
        message = f"cannot read the lexicon {path}: {error.strerror}; the corpus stage makes it."
        raise UserError(message) from error
    except UnicodeDecodeError as error:
        message = f"the lexicon {path} is not UTF-8 (byte {error.start})"
        raise UserError(f"{message}; convert it, for instance with iconv.") from error


def _entry(line: str, where: str) -> Entry:
    word, *phones = line.split()
    if not phones:
        message = f"{where}: the word {word!r} has an empty pronunciation"
        raise UserError(f"{message}; add its phones or remove the line.")
    if word in RESERVED_WORDS or _DISAMBIG.fullmatch(word):
        raise UserError(f"{where}: the word {word!r} is reserved for the FSTs; rename it.")
    for phone in phones:
        if phone == EPSILON or _DISAMBIG.fullmatch(phone):
            message = f"{where}: the phone {phone!r} of {word!r} is reserved for the FSTs"
            raise UserError(f"{message}; rename it.")
    return word, tuple(phones)


def mark_positions(phones: tuple[str, ...]) -> tuple[str, ...]:
    """("AE", "N", "D") -> ("AE_B", "N_I", "D_E"); a single phone gets _S."""
    if len(phones) == 1:
        return (f"{phones[0]}_S",)
    return (f"{phones[0]}_B", *(f"{p}_I" for p in phones[1:-1]), f"{phones[-1]}_E")


def add_disambig(entries: list[Entry]) -> tuple[list[Entry], int]:
    """Appends #1, #2, ... to homophones and to prefixes of other pronunciations.

    L∘G can then be determinised (Kaldi: add_lex_disambig.pl). Returns the entries and the highest
    number used, 0 if none.
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
