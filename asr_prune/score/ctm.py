"""Words with their times as NIST's tools read them (ctm)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from asr_prune.corpus.datadir import c_order
from asr_prune.files import atomic


@dataclass(frozen=True)
class TimedWord:
    """start and duration are in seconds from the start of the recording; confidence is from 0 to 1, None for unknown.

    Raises ValueError where a name or the word is empty or has a space in it, or a number is out of range.
    """

    recording: str
    channel: str
    start: float
    duration: float
    word: str
    confidence: float | None = None

    def __post_init__(self) -> None:
        where = f"{self.word!r} in {self.recording!r}"
        if any(len(text.split()) != 1 for text in (self.recording, self.channel, self.word)):
            raise ValueError(f"{where}: recording, channel and word must be one word each")
        if not (0 <= self.start < float("inf") and 0 <= self.duration < float("inf")):
            raise ValueError(f"{where}: start {self.start} and duration {self.duration} must be zero or more seconds")
        if self.confidence is not None and not 0 <= self.confidence <= 1:
            raise ValueError(f"{where}: confidence {self.confidence} must be from 0 to 1")


def ctm_line(word: TimedWord) -> str:
    """`recording channel start duration word [confidence]`; start and end are rounded to the millisecond."""
    start, end = round(word.start, 3), round(word.start + word.duration, 3)
    confidence = "" if word.confidence is None else f" {word.confidence:.4f}"
    return f"{word.recording} {word.channel} {start:.3f} {end - start:.3f} {word.word}{confidence}"


def write_ctm(path: Path, words: Iterable[TimedWord]) -> None:
    """Writes `words` sorted by recording, channel and start, as sclite wants them; words that start together stay in
    their order. Raises UserError where the folder cannot be written.
    """
    ordered = sorted(words, key=lambda word: (c_order(word.recording), c_order(word.channel), round(word.start, 3)))
    with atomic(path) as file:
        file.writelines(ctm_line(word) + "\n" for word in ordered)
