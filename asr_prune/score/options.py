"""What a recipe's `score:` block may say."""

from __future__ import annotations

from collections import Counter
from dataclasses import field
from typing import Literal

from asr_prune.options import options

Step = Literal["lower", "upper", "no_punctuation", "no_noise", "split_hyphens", "nfkc"]


@options
class ScoreOptions:
    #: Classes of words that sound alike, as [[O, OH]]: `wer` takes the members of a class for one word, `wer_raw` not.
    equivalents: list[list[str]] = field(default_factory=list)
    #: Steps for references and hypotheses, in the order given: lower; upper; no_punctuation (apostrophes stay);
    #: no_noise (drops <...> and [...]); split_hyphens (well-known are two words); nfkc (full-width letters, ligatures
    #: and the like in their plain forms, accents composed).
    normalise: list[Step] = field(default_factory=list)
    #: Resamplings of the speakers for the 95 % interval of the WER; 0 leaves the interval out.
    bootstrap: int = 10_000
    #: Also log test's `%WER` at the LM weight and penalty that are best on test itself, as Kaldi's recipes show it: too
    #: good a figure, for comparison with theirs. results.json has it as wer_test_tuned in any case.
    test_tuned: bool = False
    #: Seed of the resampling.
    seed: int = 0

    def __post_init__(self) -> None:
        if self.bootstrap < 0:
            raise ValueError(f"bootstrap must be zero or more, not {self.bootstrap}")
        if self.seed < 0:
            raise ValueError(f"seed must be zero or more, not {self.seed}")
        for words in self.equivalents:
            if len(words) < 2 or any(len(word.split()) != 1 for word in words):
                raise ValueError(f"a class of equivalents needs two or more single words, not {words}")
        times = Counter(word for words in self.equivalents for word in words)
        twice = [word for word in times if times[word] > 1]
        if twice:
            raise ValueError(f"equivalents name {twice[0]!r} more than once")
