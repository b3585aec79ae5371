"""Converting dictionaries and language models of corpora, gzipped or not, for the lang stage."""

from __future__ import annotations

import gzip
import io
import math
import re
import zlib
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from asr_prune.errors import UserError
from asr_prune.files import atomic
from asr_prune.lang.lexicon import RESERVED_WORDS, Entry

#: second pronunciation in CMUdict and others: WORD(2), WORD(3)
_VARIANT = re.compile(r"(?<=.)\(\d+\)$")


def find_list(folders: Iterable[Path], names: Iterable[str]) -> Path | None:
    """The first of `names`, plain or with .gz, that exists in one of `folders`."""
    places = (folder / f"{name}{end}" for name in names for folder in folders for end in ("", ".gz"))
    return next((path for path in places if path.is_file()), None)


@contextmanager
def unpacked(path: Path) -> Iterator[BinaryIO]:
    """Yields a file, decompressed if its name ends in .gz.

    Raises UserError if it is missing or damaged, or if reading it as UTF-8 fails.
    """
    try:
        with open(path, "rb") as file:
            yield cast(BinaryIO, gzip.GzipFile(fileobj=file)) if path.suffix == ".gz" else file
    except (EOFError, zlib.error, gzip.BadGzipFile, UnicodeDecodeError) as error:
        message = f"{path} is cut short or damaged ({error}); copy it again."
        raise UserError(message) from None
    except FileNotFoundError:
        raise UserError(f"{path} is not there; give the path of an existing file.") from None
    except OSError as error:
        message = f"{path} cannot be read ({error.strerror}); copy it again."
        raise UserError(message) from None


def text_lines(path: Path) -> Iterator[str]:
    """The lines of a UTF-8 file. Raises UserError as `unpacked`."""
    with unpacked(path) as file:
        yield from io.TextIOWrapper(file, encoding="utf-8")


def read_dictionary(path: Path, lower: bool = False) -> list[Entry]:
    """(word, phones) of a dictionary such as CMUdict or the lexicon of LibriSpeech or TED-LIUM.

    `WORD(2)` is a second pronunciation of WORD. Stress marks are kept. `;;;` begins a comment, as
    does `#` after a space. Words reserved for the FSTs are left out. lower: words in lower case.
    Raises UserError as `text_lines`.
    """
    entries: dict[Entry, None] = {}
    for line in text_lines(path):
        word, *phones = line.split(" #")[0].split() or [";;;"]
        if word.startswith(";;;") or not phones:
            continue
        word = _VARIANT.sub("", word.lower() if lower else word)
        if word not in RESERVED_WORDS:
            entries[word, tuple(phones)] = None
    return list(entries)


def write_lexicon(path: Path, entries: Iterable[Entry]) -> None:
    """Writes `WORD PH ONES` lines without duplicates. Raises UserError as `atomic`."""
    with atomic(path) as file:
        file.writelines(f"{word} {' '.join(phones)}\n" for word, phones in dict.fromkeys(entries))


def copy_arpa(source: Path, out: Path) -> None:
    """Copies an ARPA file, decompressed. Raises UserError as `unpacked` and `atomic`."""
    with atomic(out, "wb") as file:
        file.writelines(_blocks(source))


def _blocks(path: Path) -> Iterator[bytes]:
    with unpacked(path) as file:
        while block := file.read(1 << 20):
            yield block


def write_flat_unigram(out: Path, words: Collection[str]) -> None:
    """Writes a unigram model in which all of `words` and `</s>` have the same probability."""
    cost = -math.log10(len(words) + 1)
    lines = "".join(f"{cost:.6f} {word}\n" for word in ("</s>", *sorted(words)))
    with atomic(out) as file:
        file.write(f"\\data\\\nngram 1={len(words) + 2}\n\n\\1-grams:\n-99 <s>\n")
        file.write(f"{lines}\n\\end\\\n")


def arpa_words(path: Path) -> set[str]:
    """Unigram words of an ARPA file, without words reserved for the FSTs.

    Raises UserError as `unpacked`.
    """
    words: set[str] = set()
    section = ""
    for line in text_lines(path):
        if line.startswith("\\"):
            if section == "\\1-grams:":
                break
            section = line.strip() if section or line.startswith("\\data\\") else ""
        elif section == "\\1-grams:" and len(fields := line.split()) > 1:
            words.add(fields[1])
    return words - RESERVED_WORDS
