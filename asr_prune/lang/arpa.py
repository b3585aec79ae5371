"""Checking ARPA files of any origin, and converting them to FSTs in text form.

The format: ngram-format(5) of SRILM.
"""

from __future__ import annotations

import logging
import re
import subprocess
import sys
import tempfile
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from asr_prune.errors import UserError
from asr_prune.integrity import checked
from asr_prune.lang.arpa_numbers import SIMPLE, is_log, plain_log
from asr_prune.lang.symbols import EPSILON
from asr_prune.layout import made_by
from asr_prune.text import MARK, decoded_lines, fields, lines_of, trimmed

log = logging.getLogger(__name__)

SENTENCE = {"<s>", "</s>"}
_RESERVED = {EPSILON, "#0"}
_SECTION = re.compile(r"\\(\d{1,9})-grams:", re.ASCII)
_COUNT = re.compile(r"ngram\s+(\d{1,9})\s*=\s*(\d{1,18})", re.ASCII)
#: blanks that not every reader skips
_ODD_BLANK = re.compile(r"[\r\f\v]|^[ \t]+\S", re.ASCII)
#: run in a separate process, because the library exits on a bad file
_PROGRAM = """
import sys, kaldilm
options = {"disambig_symbol": "#0", "read_symbol_table": sys.argv[2], "max_arpa_warnings": -1}
sys.stdout.write(kaldilm.arpa2fst(sys.argv[1], "", **options))
"""


@dataclass(frozen=True)
class Arpa:
    """What `check_arpa` finds in a file.

    words: the 1-grams, with `<s>` and `</s>`; order: words of the longest n-grams; plain: whether
    it can be converted as it is, without rewriting blanks and numbers.
    """

    path: Path
    words: set[str]
    order: int
    plain: bool


def check_arpa(path: Path) -> Arpa:
    """Reads an ARPA file.

    Raises UserError, with the line number, if the file is cut short, counts disagree, sections are
    out of order, a line is not an n-gram, a log-probability is positive, an n-gram is listed twice,
    one has a word that is no 1-gram, or a word is reserved for the FSTs; also if `<s>` or `</s>` is
    missing, and as `decoded_lines`.
    """
    state = _Reading()
    for number, line in enumerate(_lines(path), 1):
        state.plain &= line.endswith("\n") and not _ODD_BLANK.search(line)
        line = trimmed(line)
        if line == "\\end\\" and state.section != "before":
            return _checked(path, state)
        if line:
            state.take(line, f"{path}:{number}")
    if state.section == "before":
        message = f"the ARPA file {path} has no \\data\\ line, in lower case"
        raise UserError(f"{message}; give a language model in ARPA format.")
    message = f"the ARPA file {path} is cut short: it has no \\end\\ line"
    raise UserError(f"{message}; make or copy it again.")


def arpa_to_text(arpa: Arpa, words: Path) -> str:
    """Converts an ARPA file to OpenFst's text form (Kaldi: arpa2fst).

    words: a words.txt. n-grams with a word that it lacks are left out; other unusable n-grams are
    left out too, and their number is logged. Raises UserError, with the library's message, if the
    library rejects the file.
    """
    if arpa.plain:
        return _converted(arpa.path, arpa.path, words)
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", newline="\n", dir=words.parent, prefix=".arpa.", suffix=".partial"
    ) as file:
        file.writelines(_plain_lines(arpa.path))
        file.flush()
        return _converted(arpa.path, Path(file.name), words)


def _converted(named: Path, arpa: Path, words: Path) -> str:
    command = [sys.executable, "-P", "-c", _PROGRAM, str(arpa), str(words)]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace")
    lines = lines_of(done.stderr)
    if done.returncode:
        reasons = [trimmed(line[4:]) for line in lines if line.startswith("[E] ")]
        reason = reasons[-1] if reasons else f"its reader exited with {done.returncode}"
        raise UserError(f"the ARPA file {named} cannot be used: {reason}; make or copy it again.")
    skipped = [line[4:] for line in lines if "] skipped: " in line]
    lost = [line for line in skipped if not line.endswith(" not in symbol table")]
    if lost:
        log.warning("%s: %d n-grams are left out, the first: %s", named, len(lost), lost[0])
    return done.stdout


def _plain_lines(path: Path) -> Iterator[str]:
    """The lines of a checked file, for kaldilm: in the same order, with simple blanks and numbers."""
    section = ""
    for line in _lines(path):
        line = trimmed(line)
        if line.startswith("\\") and (section or line == "\\data\\"):
            section = line
        elif match := _SECTION.fullmatch(section):
            found, order = fields(line), int(match[1])
            numbers = {i: plain_log(found[i]) for i in range(len(found)) if not 0 < i <= order}
            line = "\t".join(numbers.get(i, word) for i, word in enumerate(found))
        yield f"{line if section else ''}\n"
        if line == "\\end\\":
            return


@dataclass
class _Reading:
    """section: before, data, or the order of the n-grams being read.

    stated, read: number of n-grams of each order, in the header and in the file so far; hashes: of
    the n-grams of each order above 1.
    """

    section: str = "before"
    stated: dict[int, int] = field(default_factory=dict)
    read: dict[int, int] = field(default_factory=dict)
    unigrams: set[str] = field(default_factory=set)
    hashes: dict[int, array[int]] = field(default_factory=dict)
    plain: bool = True

    def take(self, line: str, where: str) -> None:
        if line[0] == "\\":
            self._begin(line, where)
        elif self.section == "data":
            match = _COUNT.fullmatch(line)
            if not match or int(match[1]) in self.stated:
                message = f"{where}: expected `ngram N=COUNT`, once for each N, found {line!r}"
                raise UserError(f"{message}; the ARPA header is damaged.")
            self.stated[int(match[1])] = int(match[2])
        elif self.section != "before":
            self._take_ngram(fields(line), int(self.section), line, where)

    def _begin(self, line: str, where: str) -> None:
        match = _SECTION.fullmatch(line)
        following = len(self.read) + 1
        if line == "\\data\\" and self.section == "before":
            self.section = "data"
        elif match and self.section != "before" and int(match[1]) == following:
            if following == 2:
                self.check_marks(where)
            self.section, self.read[following] = match[1], 0
            self.hashes[following] = array("q")
        elif self.section != "before":
            expected = f"`\\{following}-grams:` or `\\end\\`"
            message = f"{where}: expected {expected}, found {line!r}"
            raise UserError(f"{message}; make the file again.")

    def check_marks(self, where: str) -> None:
        for mark in sorted(SENTENCE - self.unigrams):
            verb = "end" if mark == "</s>" else "begin"
            message = f"{where}: there is no {mark} among the 1-grams, so no sentence can {verb}"
            raise UserError(f"{message}; make the file with both marks.")

    def _take_ngram(self, found: list[str], order: int, line: str, where: str) -> None:
        numbers = found[0], *found[order + 1 :]
        highest = order == max(self.stated, default=0)
        simple = all(map(SIMPLE.fullmatch, numbers))
        self.plain &= simple
        right = len(found) in (order + 1, order + 1 + (not highest))
        if not right or not (simple or all(map(is_log, numbers))):
            raise UserError(
                f"{where}: expected a log-probability, {order} words and optionally, below the "
                f"highest order, a back-off weight, found {line!r}; make or copy the file again."
            )
        if numbers[0][0] != "-" and float(numbers[0]) > 0:
            message = f"{where}: the log-probability {numbers[0]} is positive"
            raise UserError(f"{message}; make the file again.")
        self.read[order] += 1
        words = found[1 : order + 1]
        if order == 1:
            self._add(words[0], where)
            return
        if not self.unigrams.issuperset(words):
            odd = next(word for word in words if word not in self.unigrams)
            message = f"{where}: the word {odd!r} is not among the 1-grams"
            raise UserError(f"{message}; make or copy the file again.")
        self.hashes[order].append(hash(tuple(words)))

    def _add(self, word: str, where: str) -> None:
        if word in _RESERVED:
            message = f"{where}: the word {word!r} is reserved for the FSTs"
            raise UserError(f"{message}; rename it or leave it out.")
        if word in self.unigrams:
            message = f"{where}: the word {word!r} is listed for the second time"
            raise UserError(f"{message}; make or copy the file again.")
        self.unigrams.add(word)


def _lines(path: Path) -> Iterator[str]:
    try:
        with open(checked(path), "rb") as file:
            yield from decoded_lines(file, path)
    except OSError as error:
        message = f"cannot read the language model {path}: {error.strerror}"
        raise UserError(f"{message}; {made_by(path, 'corpus')}.") from error


def _checked(path: Path, state: _Reading) -> Arpa:
    if state.stated != state.read or not state.stated:
        message = f"the ARPA file {path} states {state.stated} n-grams per order and has {state.read}"
        raise UserError(f"{message}; make or copy it again.")
    state.check_marks(str(path))
    for order, hashes in state.hashes.items():
        _check_repeats(path, order, np.frombuffer(hashes, np.int64))
    with open(path, "rb") as file:
        plain = state.plain and file.read(len(MARK)) != MARK
    return Arpa(path, state.unigrams, max(state.stated), plain)


def _check_repeats(path: Path, order: int, hashes: np.ndarray) -> None:
    """Raises UserError if an n-gram is listed twice; equal hashes of different ones do not count."""
    values = np.sort(hashes)
    doubled = set(values[1:][values[1:] == values[:-1]].tolist())
    if not doubled:
        return
    first: dict[tuple[str, ...], int] = {}
    section = ""
    for number, line in enumerate(_lines(path), 1):
        line = trimmed(line)
        section = line if line.startswith("\\") else section
        words = tuple(fields(line)[1 : order + 1])
        if section != f"\\{order}-grams:" or len(words) < order or hash(words) not in doubled:
            continue
        if words in first:
            message = f"{path}:{number}: the {order}-gram {' '.join(words)!r} is listed for the second time"
            raise UserError(f"{message} (first in line {first[words]}); make or copy the file again.")
        first[words] = number
