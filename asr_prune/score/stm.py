"""Reference words by segment of a recording, in NIST's stm format."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from asr_prune.corpus.datadir import c_order
from asr_prune.files import atomic


@dataclass(frozen=True)
class StmSegment:
    """A segment of a recording; start, end: seconds from the start of the recording."""

    recording: str
    channel: str
    speaker: str
    start: float
    end: float
    words: list[str]

    @property
    def line(self) -> str:
        """`recording channel speaker start end words`, times rounded to 1 ms.

        Before a first word such as <noise> stands an empty label, as sclite takes what begins with <
        for a label and not for a word.
        """
        where = f"{self.recording} {self.channel} {self.speaker} {self.start:.3f} {self.end:.3f}"
        label = ["<>"] if self.words and self.words[0].startswith("<") else []
        return " ".join([where, *label, *self.words])


def write_stm(path: Path, segments: Iterable[StmSegment]) -> None:
    """Writes `segments` sorted by recording, channel and start, as sclite requires.

    Raises UserError if the file cannot be written.
    """

    def place(segment: StmSegment) -> tuple[bytes, bytes, float]:
        return c_order(segment.recording), c_order(segment.channel), segment.start

    with atomic(path) as file:
        file.writelines(f"{segment.line}\n" for segment in sorted(segments, key=place))
