"""Options of the `lang.lm` block."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from asr_prune.options import options


@options
class LmOptions:
    """The language model estimated from text where the corpus brings none, or where `text` names some."""

    #: files of one sentence a line, gzipped or not; by default the corpus's local/lm.txt, or else train's transcripts
    text: tuple[Path, ...] = ()
    #: words an n-gram holds at most
    order: int = 3
    #: kneser_ney (modified) or witten_bell, both interpolated
    smoothing: Literal["kneser_ney", "witten_bell"] = "kneser_ney"
    #: bigrams and longer n-grams to keep for the graph, by entropy; 0 keeps all
    ngrams: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.order <= 9:
            raise ValueError(f"order must be from 1 to 9, not {self.order}")
        if self.ngrams < 0:
            raise ValueError(f"ngrams must be 0 or more, not {self.ngrams}")
