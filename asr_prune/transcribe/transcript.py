"""What was said in a file, for people and for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from asr_prune.decode.recognisers import Hypothesis
from asr_prune.errors import UserError
from asr_prune.hmm.phones import Span
from asr_prune.score.ctm import TimedWord
from asr_prune.transcribe.recordings import Recording


@dataclass(frozen=True)
class Word:
    """start, end: seconds in the file; confidence: from 0 to 1; None where it was not asked for, and of times also
    where the words do not fit the audio.
    """

    text: str
    start: float | None = None
    end: float | None = None
    confidence: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """Without what is not known; times to the millisecond."""
        times = {name: round(at, 3) for name, at in (("start", self.start), ("end", self.end)) if at is not None}
        return {"word": self.text} | times | ({} if self.confidence is None else {"confidence": self.confidence})

    def row(self) -> str:
        """`start end word confidence` in columns, a dash for what is not known."""
        times = (f"{'-' if at is None else f'{at:.2f}':>9}" for at in (self.start, self.end))
        sure = "" if self.confidence is None else f"{self.confidence:.3f}"
        return f"{' '.join(times)}  {self.text:<20} {sure}".rstrip()


@dataclass(frozen=True)
class Transcript:
    """file: as given; channel: from 1; seconds: length of the file; pieces: where each begins, in seconds."""

    file: str
    channel: int
    seconds: float
    pieces: list[float]
    words: list[Word]

    @classmethod
    def of(cls, recording: Recording, heard: Mapping[str, Hypothesis], shift: float) -> Transcript:
        """heard: of each piece of the recording, by name; shift: seconds between the frames that are decoded."""
        words = [word for name, start in recording.starts.items() for word in words_of(heard[name], start, shift)]
        return cls(recording.path, recording.channel, recording.seconds, list(recording.starts.values()), words)

    @property
    def line(self) -> str:
        """The file, a tabulator, the words."""
        return f"{self.file}\t{' '.join(word.text for word in self.words)}"

    def as_dict(self) -> dict[str, Any]:
        """What a JSON line holds."""
        return {
            "file": self.file,
            "channel": self.channel,
            "seconds": round(self.seconds, 3),
            "pieces": [round(start, 3) for start in self.pieces],
            "text": " ".join(word.text for word in self.words),
            "words": [word.as_dict() for word in self.words],
        }

    @property
    def recording(self) -> str:
        """The file's name without folder and ending, in one word, as ctm wants it."""
        return "_".join(Path(self.file).stem.split()) or "recording"

    def timed(self) -> list[TimedWord]:
        """The words whose times are known."""
        return [
            TimedWord(self.recording, str(self.channel), word.start, word.end - word.start, word.text, word.confidence)
            for word in self.words
            if word.start is not None and word.end is not None
        ]


def words_of(heard: Hypothesis, start: float, shift: float) -> list[Word]:
    """The words of a piece that begins at `start` seconds."""
    rows = zip_longest(heard.words, heard.spans, heard.confidences)
    return [_word(text, span, sure, start, shift) for text, span, sure in rows]


def _word(text: str, span: Span | None, sure: float | None, start: float, shift: float) -> Word:
    if span is None:
        return Word(text, confidence=sure)
    return Word(text, start + span[0] * shift, start + span[1] * shift, sure)


def ctm_of(transcripts: Sequence[Transcript]) -> list[TimedWord]:
    """The timed words of all files. Raises UserError where two files have the same name there."""
    names = Counter((made.recording, made.channel) for made in transcripts)
    if twice := [name for (name, _), count in names.items() if count > 1]:
        raise UserError(f"a ctm file would call two files {twice[0]}; rename one or write them to two files.")
    return [word for made in transcripts for word in made.timed()]
