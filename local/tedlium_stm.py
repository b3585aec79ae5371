"""TED-LIUM's .stm transcripts, cleaned as by Kaldi's prepare_data.sh and join_suffix.py."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from asr_prune.errors import UserError
from asr_prune.text import fields, file_lines, trimmed

#: marks parts that are not transcribed
IGNORED = "ignore_time_segment_in_scoring"
#: seconds that Kaldi adds to training segments, whose ends may cut words
BEFORE, AFTER = 0.15, 0.1


@dataclass(frozen=True)
class Line:
    """A segment; times are in seconds."""

    talk: str
    start: float
    end: float
    words: list[str]

    @property
    def utterance(self) -> str:
        """Talk, start and end in hundredths of a second: AlGore_2009-0001245-0001590."""
        return f"{self.talk}-{round(self.start * 100):07d}-{round(self.end * 100):07d}"


def read_stm(path: Path, left_out: Counter[str]) -> list[Line]:
    """The segments of a talk, sorted by time; `left_out` counts the other lines by reason.

    Raises UserError if the file cannot be read.
    """
    try:
        rows = file_lines(path)
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); copy it again.") from None
    lines: list[Line] = []
    for raw in rows:
        if not fields(raw) or raw.startswith(";;"):
            continue
        if IGNORED in raw:
            left_out["not transcribed"] += 1
        elif (line := _parse(raw)) is None:
            left_out["without talk, times and label"] += 1
        elif not line.words:
            left_out["without words"] += 1
        elif line.end <= line.start or line.start < 0:
            left_out["that end before they begin"] += 1
        else:
            lines.append(line)
    unsorted = sum(one.start > two.start for one, two in pairwise(lines))
    left_out["out of order, put in order"] += unsorted
    return sorted(lines, key=lambda line: (line.start, line.end))


def _parse(raw: str) -> Line | None:
    row = fields(raw)
    try:
        talk, start, end = row[0], float(row[3]), float(row[4])
    except (IndexError, ValueError):
        return None
    if not (math.isfinite(start) and math.isfinite(end)):
        return None
    label, *words = row[5:] or [""]
    return Line(talk, start, end, clean(" ".join(words))) if label.startswith("<") else None


def clean(text: str) -> list[str]:
    """The words of a transcript.

    Removes `(2)` (a pronunciation), `<sil>` and the name `(...)` at the end; {NOISE} becomes
    [NOISE], and `it 's` becomes it's.
    """
    text = re.sub(r"\([^ ]*\)$", "", re.sub(r"\([0-9]\)", "", trimmed(text)).replace("<sil>", ""))
    return joined(fields(text.translate(str.maketrans("{}", "[]"))))


def joined(words: list[str]) -> list[str]:
    """Joins what begins with an apostrophe to the word before: ["you", "'re"] -> ["you're"]."""
    result: list[str] = []
    joinable = False  # whether the last word may be extended
    for word in words:
        if joinable and word.startswith("'"):
            result[-1] += word
            joinable = False
            continue
        result.append(word)
        joinable = True
    return result


def padded(lines: list[Line]) -> list[tuple[float, float]]:
    """Start and end of each segment of a talk, extended by 0.15 s before and 0.1 s after.

    A shorter gap between two segments is divided between them in that proportion (Kaldi:
    extend_segment_times.py).
    """
    gaps = [two.start - one.end for one, two in pairwise(lines)]
    shares = [1.0, *(min(1.0, max(0.0, gap) / (BEFORE + AFTER)) for gap in gaps), 1.0]
    times = []
    for line, before, after in zip(lines, shares[:-1], shares[1:], strict=True):
        times.append((max(0.0, line.start - BEFORE * before), line.end + AFTER * after))
    return times
