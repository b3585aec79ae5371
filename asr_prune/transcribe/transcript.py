"""The transcript of an audio file, as text, JSON and ctm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from asr_prune.decode.recognisers import Hypothesis
from asr_prune.errors import UserError
from asr_prune.hmm.phones import Span
from asr_prune.score.ctm import TimedWord
from asr_prune.text import fields
from asr_prune.transcribe.recordings import Recording


@dataclass(frozen=True)
class Word:
    """A word of a transcript.

    start, end: seconds in the file; confidence: 0 to 1. None if not requested; times also if the
    words do not fit the audio.
    """

    text: str
    start: float | None = None
    end: float | None = None
    confidence: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """JSON values without what is None; times rounded to 1 ms."""
        row: dict[str, Any] = {"word": self.text}
        for name, time in (("start", self.start), ("end", self.end)):
            if time is not None:
                row[name] = round(time, 3)
        return row if self.confidence is None else row | {"confidence": self.confidence}

    def row(self) -> str:
        """Columns of start, end, word and confidence; a dash for an unknown time."""
        times = [f"{'-' if time is None else f'{time:.2f}':>9}" for time in (self.start, self.end)]
        confidence = "" if self.confidence is None else f"{self.confidence:.3f}"
        return f"{' '.join(times)}  {self.text:<20} {confidence}".rstrip(" ")


@dataclass(frozen=True)
class Transcript:
    """The transcript of a file.

    file: as given; channel: counted from 1; seconds: length; pieces: start of each, seconds.
    """

    file: str
    channel: int
    seconds: float
    pieces: list[float]
    words: list[Word]

    @classmethod
    def of(cls, recording: Recording, words: list[Word]) -> Transcript:
        starts = list(recording.starts.values())
        return cls(recording.path, recording.channel, recording.seconds, starts, words)

    @property
    def line(self) -> str:
        """The file, a tab, the words."""
        return f"{self.file}\t{' '.join(word.text for word in self.words)}"

    def as_dict(self) -> dict[str, Any]:
        """The content of a JSON line."""
        return {
            "file": self.file,
            "channel": self.channel,
            "seconds": round(self.seconds, 3),
            "pieces": [round(start, 3) for start in self.pieces],
            "text": " ".join(word.text for word in self.words),
            "words": [word.as_dict() for word in self.words],
        }

    def ctm_words(self) -> list[TimedWord]:
        """The words with known times."""
        name, channel = ctm_name(self.file), str(self.channel)
        rows = []
        for word in self.words:
            if word.start is not None and word.end is not None:
                times = word.start, word.end - word.start
                rows.append(TimedWord(name, channel, *times, word.text, word.confidence))
        return rows


def timed_words(hyp: Hypothesis, start: float, shift: float) -> list[Word]:
    """The words of a piece that begins at `start` seconds; shift: seconds between frames."""
    rows = zip_longest(hyp.words, hyp.spans, hyp.confidences)
    return [_word(text, span, confidence, start, shift) for text, span, confidence in rows]


def _word(
    text: str,
    span: Span | None,
    confidence: float | None,
    start: float,
    shift: float,
) -> Word:
    if span is None:
        return Word(text, confidence=confidence)
    return Word(text, start + span[0] * shift, start + span[1] * shift, confidence)


def ctm_name(file: str) -> str:
    """The file's name without folder and suffix, without spaces, as ctm requires."""
    return "_".join(fields(Path(file).stem)) or "recording"


def refuse_same_names(files: Sequence[str]) -> None:
    """Raises UserError if two files have the same name in ctm."""
    named: dict[str, str] = {}
    for file in files:
        other = named.setdefault(ctm_name(file), file)
        if other != file:
            both = f"{other} and {file} would both be named {ctm_name(file)} in the ctm file"
            raise UserError(f"{both}; rename one, or transcribe them in two commands.")


def ctm_of(transcripts: Sequence[Transcript]) -> list[TimedWord]:
    """The timed words of all files, whose names differ."""
    return [word for each in transcripts for word in each.ctm_words()]
