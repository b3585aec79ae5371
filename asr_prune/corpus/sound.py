"""What is heard of a data directory, for work that computes no features itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asr_prune.corpus.channels import Channel


@dataclass(frozen=True)
class Sound:
    """The audio of the data directory `data`, read as `read_audio` does with these options."""

    data: Path
    rate: int
    resample: bool
    longest: float
    channel: Channel
