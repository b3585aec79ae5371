"""The pronunciation lexicon: reading, position markers and disambiguation symbols."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import astuple, dataclass, field
from pathlib import Path

from asr_prune.corpus.facts import LEXICONS, SILPROB
from asr_prune.errors import UserError, counted, first_few
from asr_prune.files import Readable, present
from asr_prune.lang.probabilities import (
    Chances,
    SentenceSilence,
    probability_columns,
    read_chances,
    read_silprob,
    warn_of_numbers,
)
from asr_prune.lang.symbols import EPSILON
from asr_prune.layout import made_by
from asr_prune.text import check_blanks, fields, file_lines, trimmed

log = logging.getLogger(__name__)

#: a word and one of its pronunciations
Entry = tuple[str, tuple[str, ...]]

RESERVED_WORDS = {EPSILON, "<s>", "</s>", "#0"}
_DISAMBIG = re.compile(r"#\d+", re.ASCII)
#: further pronunciations in CMUdict and others: WORD(2), WORD(3)
VARIANT = re.compile(r"(?<=.)\(\d+\)$", re.ASCII)
#: begin, end, internal, singleton, in the order of Kaldi's prepare_lang.sh
POSITIONS = ("_B", "_E", "_I", "_S")


@dataclass(frozen=True)
class Lexicon:
    """entries: (word, phones) in C order; duplicates: number of repeated lines, skipped.

    chances: of each entry; sentence: silence around sentences; None, and in `chances` only
    pronunciations, unless the file is Kaldi's lexiconp_silprob.txt.
    """

    entries: list[Entry]
    duplicates: int
    chances: list[Chances]
    sentence: SentenceSilence | None = None

    @property
    def weighted(self) -> bool:
        """Whether pronunciations differ in probability, or silence depends on words."""
        return self.sentence is not None or any(each.pronunciation != 1 for each in self.chances)

    def lines(self, columns: int) -> Iterator[str]:
        """Lines of Kaldi's lexicon.txt, lexiconp.txt or lexiconp_silprob.txt: 0, 1 or 4 `columns`."""
        for (word, phones), each in zip(self.entries, self.chances, strict=True):
            numbers = [repr(value) for value in astuple(each)[:columns]]
            yield " ".join([word, *numbers, *phones]) + "\n"


def read_lexicon(path: Readable) -> Lexicon:
    """Reads `WORD PH ONES` lines, one pronunciation per line.

    In files named lexiconp.txt a probability follows the word, in lexiconp_silprob.txt four numbers
    (`Chances`), with silprob.txt beside it. Repeated lines are skipped, counted and logged. Raises
    UserError, with the line number, for a word without phones, a number that is out of range, what
    Kaldi reserves for the FSTs (`<eps>`, `<s>`, `</s>`, phones that begin with #), comments and
    blanks other than those of ASCII; also if the file is missing, empty or not UTF-8, or lists a
    pronunciation with two probabilities.
    """
    seen, columns = _Seen(path), probability_columns(path)
    for number, line in enumerate(_lines(path), 1):
        if found := fields(line):
            seen.add(number, line, columns, found)
    if not seen.lines:
        message = f"the lexicon {path} is empty"
        raise UserError(f"{message}; write one `WORD PHONE PHONE ...` line per pronunciation.")
    if not columns:
        warn_of_numbers(path, seen.lines)
    _check_comments(path, seen.lines)
    entries = sorted(seen.lines)
    sentence = read_silprob(Path(str(path)).with_name(SILPROB)) if columns > 1 else None
    return Lexicon(entries, seen.duplicates, [seen.chances[entry] for entry in entries], sentence)


def chosen_lexicon(folder: Path) -> Path | None:
    """The lexicon of a dictionary folder that Kaldi's prepare_lang.sh uses; None if it has none.

    lexiconp_silprob.txt comes before lexiconp.txt, and that before lexicon.txt.
    """
    return next((folder / name for name in LEXICONS if present(folder / name)), None)


def check_beside(path: Path) -> None:
    """Logs which lexicons beside `path` are not used because it comes before them.

    Raises UserError if one of them lists other pronunciations, as validate_dict_dir.pl.
    """
    after = LEXICONS[LEXICONS.index(path.name) + 1 :] if path.name in LEXICONS else ()
    for other in (path.with_name(name) for name in after):
        if other.is_file():
            log.info("  %s is used, not %s beside it", path, other.name)
            _check_same(path, other)


def _check_same(one: Path, two: Path) -> None:
    entries = [set(read_lexicon(path).entries) for path in (one, two)]
    if odd := sorted(entries[0] ^ entries[1]):
        word, phones = odd[0]
        message = f"{one} and {two.name} differ in {counted(odd, 'pronunciation')}, the first"
        raise UserError(f"{message}: {word} {' '.join(phones)}; remove the file that is out of date.")


@dataclass
class _Seen:
    """The entries of a file so far, with their first lines."""

    path: Readable
    lines: dict[Entry, int] = field(default_factory=dict)
    chances: dict[Entry, Chances] = field(default_factory=dict)
    duplicates: int = 0

    def add(self, number: int, line: str, columns: int, found: list[str]) -> None:
        where = f"{self.path}:{number}"
        check_blanks(line, where)
        chances = read_chances(found[0], found[1 : 1 + columns], where)
        entry = _entry(found[0], found[1 + columns :], where)
        if entry in self.lines:
            self._repeated(entry, chances, line, number)
        self.lines.setdefault(entry, number)
        self.chances.setdefault(entry, chances)

    def _repeated(self, entry: Entry, chances: Chances, line: str, number: int) -> None:
        first = self.lines[entry]
        if chances != self.chances[entry]:
            message = f"{self.path}:{number}: repeats line {first} with another probability"
            raise UserError(f"{message} ({trimmed(line)}); remove one of them.")
        self.duplicates += 1
        message = "%s:%d: repeats line %d (%s), skipped"
        log.warning(message, self.path, number, first, trimmed(line))


def _lines(path: Readable) -> list[str]:
    try:
        return file_lines(path)
    except OSError as error:
        message = f"cannot read the lexicon {path}: {error.strerror}; {made_by(path, 'corpus')}."
        raise UserError(message) from error


def _entry(word: str, phones: list[str], where: str) -> Entry:
    if not phones:
        message = f"{where}: the word {word!r} has an empty pronunciation"
        raise UserError(f"{message}; add its phones or remove the line.")
    if word in RESERVED_WORDS or _DISAMBIG.fullmatch(word):
        raise UserError(f"{where}: the word {word!r} is reserved for the FSTs; rename it.")
    for phone in phones:
        if phone == EPSILON or phone.startswith("#"):
            message = f"{where}: the phone {phone!r} of {word!r} is reserved for the FSTs"
            fix = "rename it" if phone == EPSILON else "rename it, or remove it if it begins a comment"
            raise UserError(f"{message}; {fix}.")
    return word, tuple(phones)


def _check_comments(path: Readable, lines: dict[Entry, int]) -> None:
    """Raises UserError for lines that look like comments of other formats; warns of WORD(2)."""
    marks = {entry for entry in lines if entry[0] == "#" or entry[0].startswith(";;")}
    phones = {phone for entry in lines.keys() - marks for phone in entry[1]}
    if odd := min((lines[entry] for entry in marks if not phones.issuperset(entry[1])), default=0):
        message = f"{path}:{odd}: looks like a comment, which Kaldi's lexicons do not have"
        raise UserError(f"{message}; remove the line.")
    words = {word for word, _ in lines}
    if variants := sorted(word for word in words if VARIANT.sub("", word) in words - {word}):
        message = "%s: %s are words of their own, not further pronunciations"
        log.warning(message, path, first_few(variants))


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
