"""Converting dictionaries and language models of corpora, gzipped or not, for the lang stage."""

from __future__ import annotations

import gzip
import logging
import math
import re
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, cast

from asr_prune.corpus.facts import LEXICONS, SILPROB
from asr_prune.errors import UserError, counted, first_few
from asr_prune.files import atomic
from asr_prune.lang.lexicon import (
    RESERVED_WORDS,
    VARIANT,
    Entry,
    check_beside,
    chosen_lexicon,
    read_lexicon,
)
from asr_prune.lang.options import LangOptions
from asr_prune.lang.probabilities import probability_columns, read_chances, warn_of_numbers
from asr_prune.text import check_blanks, decoded_lines, fields, trimmed

log = logging.getLogger(__name__)

#: what begins a comment: # after a blank, or alone at the start of a line
_NOTE = re.compile(r"(?:[ \t\r\f\v]|^(?=#\s))#", re.ASCII)


def find_list(folders: Iterable[Path], names: Iterable[str]) -> Path | None:
    """The first of `names`, plain or with .gz, that exists in one of `folders`."""
    places = (folder / f"{name}{end}" for name in names for folder in folders for end in ("", ".gz"))
    return next((path for path in places if path.is_file()), None)


@contextmanager
def unpacked(path: Path) -> Iterator[BinaryIO]:
    """Yields a file, decompressed if its name ends in .gz. Raises UserError if it is missing or
    damaged.
    """
    try:
        with open(path, "rb") as file:
            yield cast(BinaryIO, gzip.GzipFile(fileobj=file)) if path.suffix == ".gz" else file
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        message = f"{path} is cut short or damaged ({error}); copy it again."
        raise UserError(message) from None
    except FileNotFoundError:
        raise UserError(f"{path} is not there; give the path of an existing file.") from None
    except OSError as error:
        message = f"{path} cannot be read ({error.strerror}); copy it again."
        raise UserError(message) from None


def text_lines(path: Path) -> Iterator[str]:
    """The lines of a file. Raises UserError as `unpacked` and `decoded_lines`."""
    with unpacked(path) as file:
        yield from decoded_lines(file, path)


def read_dictionary(path: Path, lower: bool = False) -> dict[Entry, float]:
    """{(word, phones): probability} of a dictionary such as CMUdict or Kaldi's lexiconp.txt.

    Probabilities are 1 unless the file is named lexiconp.txt or lexiconp_silprob.txt; what the
    latter says of silence is left out, with a warning. `WORD(2)` is a second pronunciation of WORD.
    Stress marks are kept. `;;;` begins a comment, as does `#` after a blank. Words reserved for the
    FSTs are left out. lower: words in lower case; the highest probability of equal entries counts.
    Raises UserError as `text_lines`, for numbers out of range, and if phones may be meant by what
    follows a `#`.
    """
    read = _Dictionary(path, probability_columns(path))
    for number, line in enumerate(text_lines(path), 1):
        kept, *note = _NOTE.split(line, maxsplit=1)
        word, *rest = fields(kept) or [""]
        if word.startswith(";;;"):
            continue
        if note and (word or fields(note[0])):
            read.notes[number] = note[0]
        if word:
            check_blanks(kept, f"{path}:{number}")
            read.add(word.lower() if lower else word, rest, number)
    read.check()
    return read.entries


@dataclass
class _Dictionary:
    """What is read so far; notes: comments by line; unspoken: words without phones."""

    path: Path
    columns: int
    entries: dict[Entry, float] = field(default_factory=dict)
    notes: dict[int, str] = field(default_factory=dict)
    unspoken: list[str] = field(default_factory=list)

    def add(self, word: str, rest: list[str], number: int) -> None:
        columns, phones = rest[: self.columns], tuple(rest[self.columns :])
        chance = read_chances(word, columns, f"{self.path}:{number}").pronunciation
        word = VARIANT.sub("", word)
        if not phones:
            self.unspoken.append(word)
        elif word not in RESERVED_WORDS:
            entry = word, phones
            self.entries[entry] = max(chance, self.entries.get(entry, 0.0))

    def check(self) -> None:
        if self.columns > 1:
            log.warning("%s: what it says of silence between words is left out", self.path)
        if self.unspoken:
            what = counted(self.unspoken, "word")
            log.warning("%s: %s without phones left out: %s", self.path, what, first_few(self.unspoken))
        if not self.columns:
            warn_of_numbers(self.path, self.entries)
        phones = {phone for _, pronunciation in self.entries for phone in pronunciation}
        for number, note in self.notes.items():
            if phones.issuperset(fields(note)):
                message = f"{self.path}:{number}: `#{trimmed(note)}` may be a comment or phones"
                raise UserError(f"{message}; remove the comment, or rename the phone #.")


def respelled(entries: Mapping[Entry, float], spell: Callable[[str], str]) -> dict[Entry, float]:
    """`entries` with their words changed by `spell`; of entries that become equal the likeliest."""
    result: dict[Entry, float] = {}
    for (word, phones), chance in entries.items():
        entry = spell(word), phones
        result[entry] = max(chance, result.get(entry, 0.0))
    return result


def write_lexicon(path: Path, entries: Iterable[Entry] | Mapping[Entry, float]) -> Path:
    """Writes `WORD PH ONES` lines without duplicates; returns the file.

    If `entries` maps them to probabilities that are not all 1, the file is lexiconp.txt beside
    `path`. Raises UserError as `atomic`.
    """
    weights = entries if isinstance(entries, Mapping) else dict.fromkeys(entries, 1.0)
    weighted = any(weight != 1 for weight in weights.values())
    path = path.with_name(LEXICONS[1]) if weighted else path
    with atomic(path) as file:
        for (word, phones), weight in weights.items():
            file.write(" ".join([word, *([repr(weight)] if weighted else []), *phones]) + "\n")
    return path


def copy_lexicon(source: Path, out: Path) -> None:
    """Writes the lexicon `source`, a file or a dictionary folder of Kaldi's, to the folder `out`.

    Of a folder, the file that `chosen_lexicon` names is read; silence phones other than the usual
    ones are told, as the recipe names them. Raises UserError as `read_dictionary`
    and `read_lexicon`, and if the folder has no lexicon.
    """
    path = chosen_lexicon(source) if source.is_dir() else source
    if path is None:
        raise UserError(f"{source} has none of {', '.join(LEXICONS)}; name a lexicon or its folder.")
    if source.is_dir():
        check_beside(path)
        _compare_silence(source)
    if probability_columns(path) < 2 or path.suffix == ".gz":
        write_lexicon(out / LEXICONS[-1], read_dictionary(path))
        return
    read_lexicon(path)
    for name, place in ((LEXICONS[0], path), (SILPROB, path.with_name(SILPROB))):
        with atomic(out / name, "wb") as file:
            file.write(place.read_bytes())


def _compare_silence(folder: Path) -> None:
    """Warns if Kaldi's lists of silence phones are others than the usual ones."""
    usual = LangOptions()
    phones = _listed(folder / "silence_phones.txt") or [*usual.silence_phones]
    optional = _listed(folder / "optional_silence.txt") or [usual.optional_silence]
    if {*phones} != {*usual.silence_phones} or optional != [usual.optional_silence]:
        settings = f"lang.silence_phones=[{','.join(phones)}] and lang.optional_silence={optional[0]}"
        log.warning("%s: other silence phones than usual; set %s, unless the recipe does", folder, settings)


def _listed(path: Path) -> list[str]:
    return [word for line in text_lines(path) for word in fields(line)] if path.is_file() else []


def copy_arpa(source: Path, out: Path) -> None:
    """Copies an ARPA file, decompressed. Raises UserError as `text_lines` and `atomic`."""
    with atomic(out) as file:
        file.writelines(text_lines(source))


def write_flat_unigram(out: Path, words: Collection[str]) -> None:
    """Writes a unigram model in which all of `words` and `</s>` have the same probability."""
    cost = -math.log10(len(words) + 1)
    lines = "".join(f"{cost:.6f} {word}\n" for word in ("</s>", *sorted(words)))
    with atomic(out) as file:
        file.write(f"\\data\\\nngram 1={len(words) + 2}\n\n\\1-grams:\n-99 <s>\n")
        file.write(f"{lines}\n\\end\\\n")


def arpa_words(path: Path) -> set[str]:
    """Unigram words of an ARPA file, without words reserved for the FSTs.

    Raises UserError as `text_lines`.
    """
    words: set[str] = set()
    section = ""
    for line in text_lines(path):
        if line.startswith("\\"):
            if section == "\\1-grams:":
                break
            section = trimmed(line) if section or line.startswith("\\data\\") else ""
        elif section == "\\1-grams:" and len(found := fields(line)) > 1:
            words.add(found[1])
    return words - RESERVED_WORDS
