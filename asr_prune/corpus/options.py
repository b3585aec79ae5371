"""The `corpus:` block of a recipe."""

from __future__ import annotations

from dataclasses import field
from pathlib import Path
from typing import Any

from asr_prune.options import options


@options
class CorpusOptions:
    """Which corpus, where it lies, and what its audio must be."""

    #: the script that makes the data directories: its `prepare(root, out, seed)` is called, with its own options last
    #: where it has any
    prepare: str = ""
    #: folder of the corpus, or a name that the script knows; None: the script says where to get it, or makes it
    root: Path | None = None
    #: which part of the corpus, where the script knows several
    subset: str = ""
    #: what else the script takes; its class `Options` says what there is
    options: dict[str, Any] = field(default_factory=dict)
    #: sampling rate of the audio in hertz, and of the features unless they say otherwise
    rate: int = 16000
    #: convert audio of another rate instead of skipping and counting it
    resample: bool = False
    #: seconds of an utterance at most: a longer one, for which memory may not suffice, is skipped and counted
    longest: float = 600.0

    def __post_init__(self) -> None:
        if self.rate not in (8000, 16000):
            raise ValueError(f"rate must be 8000 or 16000, not {self.rate}")
        if not self.longest > 0:
            raise ValueError(f"longest must be positive, not {self.longest}")
