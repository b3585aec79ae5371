"""Checking ARPA files of any origin, and converting them to FSTs in text form."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from asr_prune.errors import UserError
from asr_prune.integrity import checked
from asr_prune.lang.symbols import EPSILON

log = logging.getLogger(__name__)

SENTENCE = {"<s>", "</s>"}
_RESERVED = {EPSILON, "#0"}
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d{1,2})?", re.ASCII)
_SECTION = re.compile(r"\\(\d+)-grams:")
_COUNT = re.compile(r"ngram\s+(\d+)\s*=\s*(\d+)")
#: run in a separate process, because the library exits on a bad file
_PROGRAM = """
import sys, kaldilm
options = {"disambig_symbol": "#0", "read_symbol_table": sys.argv[2], "max_arpa_warnings": -1}
sys.stdout.write(kaldilm.arpa2fst(sys.argv[1], "", **options))
"""


def check_arpa(path: Path) -> tuple[set[str], int]:
    """Reads an ARPA file; returns its unigram words, with `<s>` and `</s>`, and its order.

    Raises UserError, with the line number, if the file is truncated, counts disagree, sections are
    out of order, a line is not an n-gram, or a word is listed twice or reserved for the FSTs; also
    if `<s>` or `</s>` is missing.
    """
    state = _Reading()
    for number, line in enumerate(_lines(path), 1):
        line = line.strip()
        if line == "\\end\\" and state.section != "before":
            return _checked(path, state)
        if line:
            state.take(line, f"{path}:{number}")
    message = f"the ARPA file {path} is cut short: it has no \\end\\ line"
    raise UserError(f"{message}; make or copy it again.")


def arpa_to_text(arpa: Path, words: Path) -> str:
    """Converts an ARPA file that `check_arpa` accepted to OpenFst's text form (Kaldi: arpa2fst).

    words: a words.txt. n-grams with a word that it lacks are left out; other unusable n-grams are
    left out too, and their number is logged. Raises UserError, with the library's message, if the
    library rejects the file.
    """
    command = [sys.executable, "-P", "-c", _PROGRAM, str(arpa), str(words)]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace")
    lines = done.stderr.splitlines()
    if done.returncode:
        reasons = [line[4:].strip() for line in lines if line.startswith("[E] ")]
        reason = reasons[-1] if reasons else f"its reader exited with {done.returncode}"
        raise UserError(f"the ARPA file {arpa} cannot be used: {reason}; make or copy it again.")
    skipped = [line[4:] for line in lines if "] skipped: " in line]
    lost = [line for line in skipped if not line.endswith(" not in symbol table")]
    if lost:
        log.warning("%s: %d n-grams are left out, the first: %s", arpa, len(lost), lost[0])
    return done.stdout


@dataclass
class _Reading:
    """section: before, data, or the order of the n-grams being read.

    stated, read: number of n-grams of each order, in the header and in the file so far.
    """

    section: str = "before"
    stated: dict[int, int] = field(default_factory=dict)
    read: dict[int, int] = field(default_factory=dict)
    unigrams: set[str] = field(default_factory=set)

    def take(self, line: str, where: str) -> None:
        if line[0] == "\\":
            self._begin(line, where)
        elif self.section == "data":
            match = _COUNT.fullmatch(line)
            if not match:
                message = f"{where}: expected `ngram N=COUNT`, found {line!r}"
                raise UserError(f"{message}; the ARPA header is damaged.")
            self.stated[int(match[1])] = int(match[2])
        elif self.section != "before":
            order = int(self.section)
            words = _ngram(line, order, max(self.stated, default=0), where)
            self.read[order] += 1
            if order == 1:
                self._add(words[0], where)

    def _begin(self, line: str, where: str) -> None:
        match = _SECTION.fullmatch(line)
        following = len(self.read) + 1
        if line == "\\data\\" and self.section == "before":
            self.section = "data"
        elif match and self.section != "before" and int(match[1]) == following:
            self.section, self.read[following] = match[1], 0
        elif self.section != "before":
            expected = f"`\\{following}-grams:` or `\\end\\`"
            message = f"{where}: expected {expected}, found {line!r}"
            raise UserError(f"{message}; make the file again.")

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
        with open(checked(path), encoding="utf-8", errors="replace", newline="\n") as file:
            for line in file:
                if line.endswith("\r\n"):
                    message = f"{path} has Windows line ends"
                    raise UserError(f"{message}; convert it, for instance with dos2unix.")
                yield line
    except OSError as error:
        message = f"cannot read the language model {path}: {error.strerror}"
        raise UserError(f"{message}; the corpus stage makes it.") from error


def _ngram(line: str, order: int, highest: int, where: str) -> list[str]:
    """The words of an n-gram line."""
    fields = line.split()
    lengths = (order + 1,) if order == highest else (order + 1, order + 2)
    numbers = fields[0], *fields[order + 1 :]
    if len(fields) not in lengths or not all(map(_NUMBER.fullmatch, numbers)):
        raise UserError(
            f"{where}: expected a log-probability, {order} words and optionally, below the highest "
            f"order, a back-off weight, found {line!r}; make or copy the file again."
        )
    return fields[1 : order + 1]


def _checked(path: Path, state: _Reading) -> tuple[set[str], int]:
    if state.stated != state.read or not state.stated:
        message = f"the ARPA file {path} states {state.stated} n-grams per order and has {state.read}"
        raise UserError(f"{message}; make or copy it again.")
    for mark in sorted(SENTENCE - state.unigrams):
        verb = "end" if mark == "</s>" else "begin"
        message = f"{path} has no {mark} among its 1-grams, so no sentence can {verb}"
        raise UserError(f"{message}; make it with both marks.")
    return state.unigrams, max(state.stated)
