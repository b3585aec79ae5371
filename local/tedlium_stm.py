"""TED-LIUM's .stm transcripts, cleaned as Kaldi's egs/tedlium (prepare_data.sh, join_suffix.py) cleans them."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from asr_prune.errors import UserError

#: the mark of stretches that are not transcribed
IGNORED = "ignore_time_segment_in_scoring"
#: seconds that Kaldi adds to the training segments, whose edges cut words short
BEFORE, AFTER = 0.15, 0.1


@dataclass(frozen=True)
class Line:
    """One segment: its talk, its times in seconds, its words."""

    talk: str
    start: float
    end: float
    words: list[str]

    @property
    def utterance(self) -> str:
        """Talk and hundredths of seconds: AlGore_2009-0001245-0001590."""
        return f"{self.talk}-{round(self.start * 100):07d}-{round(self.end * 100):07d}"


def read_stm(path: Path, left_out: Counter[str]) -> list[Line]:
    """The segments of one talk in order of time; counts in `left_out` what was not taken, and why.

    Raises UserError where the file cannot be read.
    """
    try:
        text = path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read ({error}); copy it again.") from None
    lines: list[Line] = []
    for raw in text.splitlines():
        if not raw.strip() or raw.startswith(";;"):
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
    left_out["out of order, put in order"] += sum(one.start > two.start for one, two in pairwise(lines))
    return sorted(lines, key=lambda line: (line.start, line.end))


def _parse(raw: str) -> Line | None:
    fields = raw.split(maxsplit=5)
    try:
        talk, start, end = fields[0], float(fields[3]), float(fields[4])
    except (IndexError, ValueError):
        return None
    if not (math.isfinite(start) and math.isfinite(end)):
        return None
    label, _, text = (fields[5] if len(fields) > 5 else "").partition(" ")
    return Line(talk, start, end, clean(text)) if label.startswith("<") else None


def clean(text: str) -> list[str]:
    """The words of a transcript.

    `(2)` (a pronunciation), `<sil>` and the name `(...)` at the end go; {NOISE} becomes [NOISE]; `it 's` becomes it's.
    """
    text = re.sub(r"\([^ ]*\)$", "", re.sub(r"\([0-9]\)", "", text.strip()).replace("<sil>", ""))
    return joined(text.translate(str.maketrans("{}", "[]")).split())


def joined(words: list[str]) -> list[str]:
    """Words with what begins with an apostrophe joined to the word before: ["you", "'re"] -> ["you're"]."""
    found: list[str] = []
    free = False  # whether the last word may take another on
    for word in words:
        if free and word.startswith("'"):
            found[-1] += word
            free = False
            continue
        found.append(word)
        free = True
    return found


def padded(lines: list[Line]) -> list[tuple[float, float]]:
    """Start and end of the segments of one talk with 0.15 s before and 0.1 s after, or as much as the gap to the
    neighbour holds, shared in that proportion (Kaldi: extend_segment_times.py).
    """
    gaps = [two.start - one.end for one, two in pairwise(lines)]
    shares = [1.0, *(min(1.0, max(0.0, gap) / (BEFORE + AFTER)) for gap in gaps), 1.0]
    return [
        (max(0.0, line.start - BEFORE * shares[i]), line.end + AFTER * shares[i + 1]) for i, line in enumerate(lines)
    ]
