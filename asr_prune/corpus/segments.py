"""Segments: utterances as parts of longer recordings (Kaldi's `segments` file)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from asr_prune.errors import counted, first_few
from asr_prune.text import fields

#: end of a segment that lasts until the end of its recording
TO_THE_END = -1.0
#: seconds of a piece at most when long recordings are cut: the default, and the least value
LONGEST_PIECE, SHORTEST_PIECE = 30.0, 3.0
_OVERSHOOT = 0.5  # seconds beyond the recording (Kaldi: extract-segments --max-overshoot)


@dataclass(frozen=True)
class Segment:
    """The part of `recording` from `start` to `end` seconds; end -1: the end of the recording.

    channel: counted from 1; None if the file does not say.
    """

    recording: str
    start: float
    end: float = TO_THE_END
    channel: int | None = None

    @classmethod
    def parse(cls, text: str) -> Segment:
        """From `recording start end [channel]`, the channel counted from 0 as by extract-segments.

        Raises ValueError if `text` is anything else.
        """
        recording, start, end, *channel = fields(text)
        times = float(start), float(end)
        if len(channel) > 1 or not all(map(math.isfinite, times)):
            raise ValueError(text)
        if channel and not (channel[0].isascii() and channel[0].isdigit() and len(channel[0]) < 6):
            raise ValueError(text)
        return cls(recording, *times, int(channel[0]) + 1 if channel else None)

    def __str__(self) -> str:
        channel = "" if self.channel is None else f" {self.channel - 1}"
        return f"{self.recording} {round(self.start, 5)} {round(self.end, 5)}{channel}"

    def span(self, seconds: float) -> tuple[float, float]:
        """Start and end in seconds within a recording of `seconds`.

        Raises ValueError if the segment is negative, has no length or exceeds the recording; its
        message is the kind of problem.
        """
        if kind := self._problem():
            raise ValueError(kind)
        if self.start >= seconds or self.end > seconds + _OVERSHOOT:
            raise ValueError("beyond-the-end")
        return self.start, min(seconds, self.end) if self.end != TO_THE_END else seconds

    def _problem(self) -> str:
        """What is wrong whatever the recording: negative, zero-length or empty."""
        if self.start < 0 or (self.end < 0 and self.end != TO_THE_END):
            return "negative"
        return "zero-length" if self.end != TO_THE_END and self.end <= self.start else ""


def parse_segments(lines: Iterable[tuple[str, str]]) -> tuple[dict[str, Segment], list[str]]:
    """The segments of (utterance, rest of line), and the utterances whose line cannot be parsed."""
    segments, odd = {}, []
    for key, rest in lines:
        try:
            segments[key] = Segment.parse(rest)
        except ValueError:
            odd.append(key)
    return segments, odd


def segment_problems(segments: Mapping[str, Segment], seconds: Mapping[str, float]) -> dict[str, dict[str, str]]:
    """{kind: {utterance: detail}} of segments that cannot be cut.

    seconds: lengths of the recordings that can be read; the ends of others are not checked.
    """
    problems: dict[str, dict[str, str]] = {}
    for utterance, segment in segments.items():
        length = seconds.get(segment.recording, math.inf)
        try:
            segment.span(length)
        except ValueError as error:
            whole = f" of {length:.2f} s" if math.isfinite(length) else ""
            detail = f"{segment.start:g} to {segment.end:g} s{whole}"
            problems.setdefault(str(error), {})[utterance] = detail
    return problems


def overlapping(segments: Mapping[str, Segment]) -> list[tuple[str, str]]:
    """Pairs of utterances of a recording of which the later begins before the earlier ends."""
    pairs: list[tuple[str, str]] = []
    latest: dict[str, tuple[float, str]] = {}  # end and utterance, of each recording so far
    for key, segment in sorted(segments.items(), key=lambda item: (item[1].start, item[0])):
        end, before = latest.get(segment.recording, (0.0, ""))
        if before and segment.start < end:
            pairs.append((before, key))
        segment_end = math.inf if segment.end == TO_THE_END else segment.end
        latest[segment.recording] = max((end, before), (segment_end, key))
    return pairs


def describe_segments(segments: Mapping[str, Segment], seconds: Mapping[str, float]) -> Iterator[str]:
    """A sentence for each kind of problem, and one for overlaps."""
    for kind, details in sorted(segment_problems(segments, seconds).items()):
        utterances = first_few(f"{key} ({detail})" for key, detail in details.items())
        yield f"{counted(details, f'{kind} segment')}: {utterances}."
    if pairs := overlapping(segments):
        names = first_few(f"{one} and {two}" for one, two in pairs)
        what = f"{counted(pairs, 'pair')} of overlapping segments"
        yield f"{what}, whose audio counts twice: {names}."
