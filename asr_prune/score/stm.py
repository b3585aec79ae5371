"""What was said, stretch by stretch of a recording, as NIST's tools read it (stm)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from asr_prune.corpus.datadir import c_order
from asr_prune.files import atomic


@dataclass(frozen=True)
class Stretch:
    """start and end are in seconds from the start of the recording."""

    recording: str
    channel: str
    speaker: str
    start: float
    end: float
    words: list[str]

    @property
    def line(self) -> str:
        """`recording channel speaker start end words`, to the millisecond."""
        where = f"{self.recording} {self.channel} {self.speaker} {self.start:.3f} {self.end:.3f}"
        return " ".join([where, *self.words])


def write_stm(path: Path, stretches: Iterable[Stretch]) -> None:
    """Writes `stretches` sorted by recording, channel and start, as sclite wants them. Raises UserError where the
    folder cannot be written.
    """
    ordered = sorted(stretches, key=lambda own: (c_order(own.recording), c_order(own.channel), own.start))
    with atomic(path) as file:
        file.writelines(own.line + "\n" for own in ordered)
