"""ARPA files of language models, from anywhere: read through and checked, then made an FST's text."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from asr_prune.errors import UserError
from asr_prune.lang.symbols import EPSILON

log = logging.getLogger(__name__)

SENTENCE = {"<s>", "</s>"}
_RESERVED = {EPSILON, "#0"}
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d{1,2})?", re.ASCII)
_SECTION = re.compile(r"\\(\d+)-grams:")
_COUNT = re.compile(r"ngram\s+(\d+)\s*=\s*(\d+)")
#: run by itself, for the library ends its process where a file displeases it
_PROGRAM = """
import sys, kaldilm
options = {"disambig_symbol": "#0", "read_symbol_table": sys.argv[2], "max_arpa_warnings": -1}
sys.stdout.write(kaldilm.arpa2fst(sys.argv[1], "", **options))
"""


def check_arpa(path: Path) -> tuple[set[str], int]:
    """Reads an ARPA file through: its unigram words, `<s>` and `</s>` included, and its order.

    Raises UserError, with the line number, where the file ends early, counts disagree, sections are not in order, a
    line is not an n-gram, or a word is listed twice or reserved for the FSTs; and where no sentence can begin or end.
    """
    read = _Reading()
    for number, line in enumerate(_lines(path), 1):
        line = line.strip()
        if line == "\\end\\" and read.section != "before":
            return _checked(path, read)
        if line:
            read.take(line, f"{path}:{number}")
    raise UserError(f"the ARPA file {path} is cut short: it has no \\end\\ line; make or copy it again.")


def arpa_to_text(arpa: Path, words: Path) -> str:
    """An ARPA file that `check_arpa` passed as an FST in OpenFst's text form; words: a words.txt. n-grams with a word
    that it lacks are left out; others that cannot be kept are counted in the log (Kaldi: arpa2fst).

    Raises UserError, with what the library says, where it refuses the file.
    """
    command = [sys.executable, "-P", "-c", _PROGRAM, str(arpa), str(words)]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace")
    told = done.stderr.splitlines()
    if done.returncode:
        reasons = [line[4:].strip() for line in told if line.startswith("[E] ")]
        reason = reasons[-1] if reasons else f"its reader ended with {done.returncode}"
        raise UserError(f"the ARPA file {arpa} cannot be used: {reason}; make or copy it again.")
    lost = [line[4:] for line in told if "] skipped: " in line and not line.endswith(" not in symbol table")]
    if lost:
        log.warning("%s: %d n-grams are left out, the first: %s", arpa, len(lost), lost[0])
    return done.stdout


@dataclass
class _Reading:
    """section: before, data, or the order of the n-grams that are being read; stated, found: n-grams of each order."""

    section: str = "before"
    stated: dict[int, int] = field(default_factory=dict)
    found: dict[int, int] = field(default_factory=dict)
    unigrams: set[str] = field(default_factory=set)

    def take(self, line: str, where: str) -> None:
        if line[0] == "\\":
            self._begin(line, where)
        elif self.section == "data":
            match = _COUNT.fullmatch(line)
            if not match:
                raise UserError(f"{where}: expected `ngram N=COUNT`, found {line!r}; the ARPA header is damaged.")
            self.stated[int(match[1])] = int(match[2])
        elif self.section != "before":
            order = int(self.section)
            words = _ngram(line, order, max(self.stated, default=0), where)
            self.found[order] += 1
            if order == 1:
                self._add(words[0], where)

    def _begin(self, line: str, where: str) -> None:
        match = _SECTION.fullmatch(line)
        following = len(self.found) + 1
        if line == "\\data\\" and self.section == "before":
            self.section = "data"
        elif match and self.section != "before" and int(match[1]) == following:
            self.section, self.found[following] = match[1], 0
        elif self.section != "before":
            raise UserError(f"{where}: expected `\\{following}-grams:` or `\\end\\`, found {line!r}; make it again.")

    def _add(self, word: str, where: str) -> None:
        if word in _RESERVED:
            raise UserError(f"{where}: the word {word!r} is reserved for the FSTs; rename it or leave it out.")
        if word in self.unigrams:
            raise UserError(f"{where}: the word {word!r} is listed for the second time; make or copy the file again.")
        self.unigrams.add(word)


def _lines(path: Path) -> Iterator[str]:
    try:
        with open(path, encoding="utf-8", errors="replace", newline="\n") as file:
            for line in file:
                if line.endswith("\r\n"):
                    raise UserError(f"{path} has the line ends of Windows; convert it, for instance with dos2unix.")
                yield line
    except OSError as error:
        raise UserError(
            f"cannot read the language model {path}: {error.strerror}; the corpus stage makes it."
        ) from error


def _ngram(line: str, order: int, highest: int, where: str) -> list[str]:
    """The words of an n-gram's line."""
    fields = line.split()
    lengths = (order + 1,) if order == highest else (order + 1, order + 2)
    if len(fields) not in lengths or not all(map(_NUMBER.fullmatch, (fields[0], *fields[order + 1 :]))):
        raise UserError(
            f"{where}: expected a log-probability, {order} words and perhaps, below the highest order, a back-off "
            f"weight, found {line!r}."
        )
    return fields[1 : order + 1]


def _checked(path: Path, read: _Reading) -> tuple[set[str], int]:
    if read.stated != read.found or not read.stated:
        raise UserError(
            f"the ARPA file {path} states {read.stated} n-grams per order and has {read.found}; make or copy it again."
        )
    for mark in sorted(SENTENCE - read.unigrams):
        told = "end" if mark == "</s>" else "begin"
        raise UserError(f"{path} has no {mark} among its 1-grams, so no sentence can {told}; make it with both marks.")
    return read.unigrams, max(read.stated)
