"""The `corpus:` block of a recipe."""

from __future__ import annotations

from pathlib import Path

from asr_prune.options import options


@options
class CorpusOptions:
    """Which corpus, where it lies, and what its audio must be."""

    #: the script that makes the data directories: its `prepare(root, out, seed)` is called
    prepare: str = ""
    #: folder of the corpus; None: the script says where to get it, or makes it
    root: Path | None = None
    #: sampling rate of the audio in hertz
    rate: int = 16000

    def __post_init__(self) -> None:
        if self.rate not in (8000, 16000):
            raise ValueError(f"rate must be 8000 or 16000, not {self.rate}")
