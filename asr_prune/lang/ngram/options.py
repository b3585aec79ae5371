"""Options of the `lang.lm` block."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from asr_prune.options import options


@options
class LmOptions:
    """n-gram estimation, if the corpus has no language model or `text` is set."""

    #: text files of one sentence per line, may be gzipped; default: local/lm.txt of the corpus,
    #: else the transcripts of the training set
    text: tuple[Path, ...] = ()
    #: n-gram order
    order: int = 3
    #: smoothing, interpolated: modified Kneser-Ney or Witten-Bell
    smoothing: Literal["kneser_ney", "witten_bell"] = "kneser_ney"
    #: number of n-grams of order 2 and above to keep after entropy pruning (0: all)
    ngrams: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.order <= 9:
            raise ValueError(f"order must be from 1 to 9, not {self.order}")
        if self.ngrams < 0:
            raise ValueError(f"ngrams must be 0 or more, not {self.ngrams}")
