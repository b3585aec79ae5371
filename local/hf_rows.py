"""The rows of a dataset's split as a data directory; audio is not decoded."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from asr_prune.corpus.datadir import DataDir
from asr_prune.corpus.spelling import has_number
from asr_prune.errors import UserError, counted, first_few
from asr_prune.progress import track
from asr_prune.text import trimmed

from .hf_audio import Unusable, place_audio
from .hf_options import Options
from .hf_source import Source
from .hf_tables import Row, as_text
from .hf_text import Oddities, spelt

log = logging.getLogger(__name__)

NO_TEXT = "without text"

#: character that decoders write for bytes that they cannot decode
_UNDECODED = "\ufffd"


@dataclass
class LeftOut:
    """Rows that were left out: why -> how many, and what the first one is."""

    counts: Counter[str] = field(default_factory=Counter)
    first: dict[str, str] = field(default_factory=dict)

    def add(self, problem: Unusable, where: str) -> None:
        """Counts a row."""
        self.counts[problem.why] += 1
        self.first.setdefault(problem.why, f"{where}: {problem.example}" if problem.example else where)

    def sentences(self) -> list[str]:
        """`3 rows without audio (first: train.csv:7)` for each reason."""
        counts = sorted(self.counts.items())
        return [f"{counted(range(n), 'row')} {why} (first: {self.first[why]})" for why, n in counts]


@dataclass(frozen=True)
class Split:
    """One split of a dataset."""

    root: Path
    name: str
    settings: Options
    out: Path

    def read(self, part: str) -> DataDir:
        """The usable rows as a data directory; logs how many were left out, and why.

        A test split in which no row has text is returned without transcripts. Raises UserError if
        there are no usable rows, or words have digits and the options refuse these.
        """
        data, silent = DataDir(self.out / part), DataDir(self.out / part)
        left_out, odd = LeftOut(), Oddities(self.settings)
        rows = Source(self.root, self.name, self.settings, self.out / "cache").rows()
        rows = islice(rows, self.settings.limit or None)
        label = f"{self.root}, {self.name}"
        for number, (where, row, folders) in enumerate(track(rows, self.settings.limit, label)):
            name = f"{part}{number:07d}"
            try:
                if part == "test" and not data.text and row and not trimmed(_text(row[self.settings.text])):
                    self._place(silent, row, folders, name, [])
                self._add(data, row, folders, name, odd)
            except Unusable as problem:
                left_out.add(problem, where)
        if silent.text and not data.text:
            data = silent
            del left_out.counts[NO_TEXT]
        else:
            _refuse(data, left_out, odd, label)
        for sentence in left_out.sentences():
            log.warning("%s: %s, left out", label, sentence)
        odd.report(label)
        return data

    def _add(self, data: DataDir, row: Row, folders: Sequence[Path], number: str, odd: Oddities) -> None:
        """Adds a row. Raises Unusable."""
        if not row:
            raise Unusable("with more or fewer cells than there are columns")
        text = _text(row[self.settings.text])
        words = self._words(text)
        self._place(data, row, folders, number, words)
        odd.count(text, words)

    def _place(self, data: DataDir, row: Row, folders: Sequence[Path], number: str, words: list[str]) -> None:
        """Adds a row with these words. Raises Unusable."""
        name = _plain(row[self.settings.id]) if self.settings.id else number
        speaker = _plain(row[self.settings.speaker]) if self.settings.speaker else name
        if not speaker or not name:
            raise Unusable("without a speaker" if name else "without an id")
        key = f"{speaker}-{name}" if self.settings.speaker else name
        if key in data.text:
            raise Unusable("with a repeated id", key)
        out = self.out / f"audio/{data.path.name}/{key}"
        data.wavs[key] = str(place_audio(row[self.settings.audio], folders, out))
        data.text[key], data.utt2spk[key] = words, speaker if self.settings.speaker else key

    def _words(self, text: str) -> list[str]:
        words = spelt(text, self.settings)
        if not words:
            raise Unusable(NO_TEXT)
        if self.settings.digits == "leave_out" and any(map(has_number, words)):
            raise Unusable("with digits", " ".join(words)[:60])
        return words


def _text(cell: object) -> str:
    if isinstance(cell, dict | list | bytes):
        raise Unusable("whose text is no text", type(cell).__name__)
    text = as_text(cell) or ""
    if _UNDECODED in text:
        raise Unusable("whose text was decoded wrongly (U+FFFD)", text[:60])
    return text


def _refuse(data: DataDir, left_out: LeftOut, odd: Oddities, where: str) -> None:
    if not data.text:
        why = "; ".join(left_out.sentences()) or "there are no rows"
        remedy = "correct this, or name other columns in corpus.options"
        raise UserError(f"{where}: no row has both audio and text: {why}; {remedy}.")
    if odd.settings.digits == "refuse" and odd.numbers:
        what = f"digits in {first_few(sorted(odd.numbers))}"
        remedy = "write them out, or set corpus.options.digits=leave_out or keep"
        raise UserError(f"{where}: {what}; {remedy}.")


def _plain(value: object) -> str:
    """An id without white space, slashes and control characters, as Kaldi's tables need it."""
    return re.sub(r"[\s/\x00-\x1f\x7f\ud800-\udfff]+", "_", (as_text(value) or "").strip())
