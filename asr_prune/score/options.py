"""Options of a recipe's `score:` block."""

from __future__ import annotations

from collections import Counter
from dataclasses import field
from typing import Literal

from asr_prune.options import options
from asr_prune.text import fields

Step = Literal["lower", "upper", "clean", "no_punctuation", "no_noise", "split_hyphens", "nfkc"]

#: seconds of audio of a set from which on the shrink stage compares words on a random sample of
#: about as much
COMPARED_SECONDS = 1800.0


@options
class ScoreOptions:
    #: classes of equivalent words, e.g. [[O, OH]]; wer treats the words of a class as equal,
    #: wer_raw does not
    equivalents: list[list[str]] = field(default_factory=list)
    #: normalisation of references and hypotheses, applied in the given order: lower; upper; clean
    #: (composed accents, one form of the apostrophe, no zero-width characters or soft hyphens);
    #: no_punctuation (clean, then a blank for each mark or symbol except in noises; keeps
    #: apostrophes inside words); no_noise (drops <...>, [...], {...} and one word in (...));
    #: split_hyphens (makes well-known two words); nfkc (Unicode NFKC: plain forms of full-width
    #: letters and ligatures, composed accents)
    normalise: list[Step] = field(default_factory=list)
    #: what may stand in references besides words. sclite: alternatives, { um / uh / @ } (@: no
    #: word), and (WORD), which may be left out, as `sclite -D` scores it; none: words only
    markup: Literal["sclite", "none"] = "sclite"
    #: bootstrap samples of the speakers for the 95 % interval of the WER; 0 for no interval
    bootstrap: int = 10_000
    #: also log the %WER of test at the LM weight and penalty that are best on test itself. It is
    #: optimistic; Kaldi's recipes report it. results.json always has it as wer_test_tuned
    test_tuned: bool = False
    #: seed of the bootstrap
    seed: int = 0

    def __post_init__(self) -> None:
        if self.bootstrap < 0:
            raise ValueError(f"bootstrap must be zero or more, not {self.bootstrap}")
        if self.seed < 0:
            raise ValueError(f"seed must be zero or more, not {self.seed}")
        for words in self.equivalents:
            if len(words) < 2 or any(len(fields(word)) != 1 for word in words):
                raise ValueError(f"equivalents need at least two single words per class, not {words}")
        times = Counter(word for words in self.equivalents for word in words)
        twice = [word for word in times if times[word] > 1]
        if twice:
            raise ValueError(f"equivalents name {twice[0]!r} more than once")
