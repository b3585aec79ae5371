"""Words with their times in NIST's ctm format."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from asr_prune.corpus.datadir import c_order
from asr_prune.files import atomic
from asr_prune.text import fields


@dataclass(frozen=True)
class TimedWord:
    """A word of a recording.

    start: seconds from the start of the recording; duration: seconds; confidence: 0 to 1, None if
    unknown. Raises ValueError if a name or the word is empty or contains a space, or a number is
    out of range.
    """

    recording: str
    channel: str
    start: float
    duration: float
    word: str
    confidence: float | None = None

    def __post_init__(self) -> None:
        where = f"{self.word!r} in {self.recording!r}"
        if any(len(fields(text)) != 1 for text in (self.recording, self.channel, self.word)):
            raise ValueError(f"{where}: recording, channel and word must be one word each")
        if not (0 <= self.start < float("inf") and 0 <= self.duration < float("inf")):
            raise ValueError(f"{where}: start and duration must be zero or more seconds")
        if self.confidence is not None and not 0 <= self.confidence <= 1:
            raise ValueError(f"{where}: confidence {self.confidence} must be between 0 and 1")


def ctm_line(word: TimedWord) -> str:
    """`recording channel start duration word [confidence]`, start and end rounded to 1 ms."""
    start, end = round(word.start, 3), round(word.start + word.duration, 3)
    confidence = "" if word.confidence is None else f" {word.confidence:.4f}"
    return f"{word.recording} {word.channel} {start:.3f} {end - start:.3f} {word.word}{confidence}"


def write_ctm(path: Path, words: Iterable[TimedWord]) -> None:
    """Writes `words` sorted by recording, channel and start, as sclite requires.

    Words with the same start stay in their order. Raises UserError if the file cannot be written.
    """

    def place(word: TimedWord) -> tuple[bytes, bytes, float]:
        return c_order(word.recording), c_order(word.channel), round(word.start, 3)

    ordered = sorted(words, key=place)
    with atomic(path) as file:
        file.writelines(ctm_line(word) + "\n" for word in ordered)
