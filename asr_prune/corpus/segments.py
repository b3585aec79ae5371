"""Segments: utterances as stretches of longer recordings, cut by time while reading (Kaldi's `segments` file)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from asr_prune.corpus.wording import counted, examples

#: seconds by which a segment may end after its recording and is cut there (Kaldi: extract-segments --max-overshoot)
OVERSHOOT = 0.5
#: the end of a segment that lasts as long as its recording
TO_THE_END = -1.0


@dataclass(frozen=True)
class Segment:
    """From `start` to `end` seconds of the recording named `recording`; end -1: to its end."""

    recording: str
    start: float
    end: float = TO_THE_END

    @classmethod
    def parse(cls, text: str) -> Segment:
        """Of `recording start end`, with or without a channel behind. Raises ValueError where it is none."""
        recording, start, end = text.split()[:3]
        made = cls(recording, float(start), float(end))
        if len(text.split()) > 4 or not (math.isfinite(made.start) and math.isfinite(made.end)):
            raise ValueError(text)
        return made

    def __str__(self) -> str:
        return f"{self.recording} {round(self.start, 5)} {round(self.end, 5)}"

    def span(self, seconds: float) -> tuple[float, float]:
        """Start and end in seconds within a recording of `seconds`.

        Raises ValueError, which says what is wrong, where the segment is negative, has no length, or lies beyond the
        end.
        """
        if kind := self.spoilt():
            raise ValueError(kind)
        if self.start >= seconds or self.end > seconds + OVERSHOOT:
            raise ValueError("beyond-the-end")
        return self.start, min(seconds, self.end) if self.end != TO_THE_END else seconds

    def spoilt(self) -> str:
        """What is wrong with it, whatever its recording: negative, zero-length or nothing."""
        if self.start < 0 or (self.end < 0 and self.end != TO_THE_END):
            return "negative"
        return "zero-length" if self.end != TO_THE_END and self.end <= self.start else ""


def parsed(lines: Iterable[tuple[str, str]]) -> tuple[dict[str, Segment], list[str]]:
    """The segments among (utterance, rest of line), and the utterances whose line is none."""
    segments, odd = {}, []
    for key, rest in lines:
        try:
            segments[key] = Segment.parse(rest)
        except ValueError:
            odd.append(key)
    return segments, odd


def segment_problems(segments: Mapping[str, Segment], seconds: Mapping[str, float]) -> dict[str, dict[str, str]]:
    """{kind: {utterance: what was found}} of segments that cannot be cut.

    seconds: lengths of the recordings that could be read; others are not judged.
    """
    problems: dict[str, dict[str, str]] = {}
    for utterance, segment in segments.items():
        length = seconds.get(segment.recording, math.inf)
        try:
            segment.span(length)
        except ValueError as error:
            told = f" of {length:.2f} s" if math.isfinite(length) else ""
            problems.setdefault(str(error), {})[utterance] = f"{segment.start:g} to {segment.end:g} s{told}"
    return problems


def overlapping(segments: Mapping[str, Segment]) -> list[tuple[str, str]]:
    """Pairs of utterances of one recording of which the later begins before an earlier one ends, in order of time."""
    found: list[tuple[str, str]] = []
    latest: dict[str, tuple[float, str]] = {}  # of each recording, so far
    for key, own in sorted(segments.items(), key=lambda item: (item[1].start, item[0])):
        end, before = latest.get(own.recording, (0.0, ""))
        if before and own.start < end:
            found.append((before, key))
        latest[own.recording] = max((end, before), (math.inf if own.end == TO_THE_END else own.end, key))
    return found


def told_problems(segments: Mapping[str, Segment], seconds: Mapping[str, float]) -> Iterator[str]:
    """A sentence for each kind of problem, and one for overlaps."""
    for kind, found in sorted(segment_problems(segments, seconds).items()):
        yield f"{counted(found, f'{kind} segment')}: {examples(f'{key} ({what})' for key, what in found.items())}."
    if pairs := overlapping(segments):
        told = examples(f"{one} and {two}" for one, two in pairs)
        yield f"{counted(pairs, 'pair')} of overlapping segments, whose audio counts twice: {told}."
