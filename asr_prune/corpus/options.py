"""The `corpus:` block of a recipe."""

from __future__ import annotations

from dataclasses import field
from pathlib import Path
from typing import Any, ClassVar, Literal

from asr_prune.options import options


@options
class CorpusOptions:
    """Which corpus to use, where it is, and what its audio must be like."""

    #: script whose function `prepare(root, out, seed)` writes the data directories, for instance
    #: local/an4.py
    prepare: str = ""
    #: folder of the corpus, or a name that the script knows
    root: Path | None = None
    #: environment variable that gives the folder if root is not set, for instance AN4_ROOT
    root_from: str = ""
    #: part of the corpus, if the script offers several
    subset: str = ""
    #: further options of the script, as its class `Options` documents them
    options: dict[str, Any] = field(default_factory=dict)
    #: sampling rate in hertz: everything runs at corpus.rate, 8000 or 16000 Hz; audio of another
    #: rate is skipped and counted, or resampled with corpus.resample: true
    rate: int = 16000
    #: convert audio of another rate to `rate` instead of skipping it
    resample: bool = False
    #: channel that is read of recordings with several, counted from 1, or mix for their mean; one
    #: named in segments comes first. By default such recordings are skipped and counted
    channel: int | Literal["mix"] | None = None
    #: longest utterance in seconds; longer ones, which may not fit into memory, are skipped and
    #: counted
    longest: float = 600.0
    #: cross-validation over all speakers of the corpus: number of folds, 3 or more, that share no
    #: speaker; each is the test set once, and the next one is then its dev. 0: the corpus's sets
    folds: int = 0
    #: data directory of speech without transcripts (wav.scp, utt2spk, perhaps segments), from which
    #: runs with a train.teacher learn, too; see teacher.md
    untranscribed: Path | None = None

    #: does not count for what was made before there was this field
    LATER: ClassVar[tuple[str, ...]] = ("folds", "untranscribed")

    def __post_init__(self) -> None:
        if self.rate not in (8000, 16000):
            remedy = "corpus.resample: true converts audio of another rate"
            raise ValueError(f"rate must be 8000 or 16000, not {self.rate}; {remedy}")
        if isinstance(self.channel, int) and self.channel < 1:
            raise ValueError(f"channel must be 1 or more, or mix, not {self.channel}")
        if not self.longest > 0:
            raise ValueError(f"longest must be positive, not {self.longest}")
        if self.folds and self.untranscribed:
            raise ValueError("folds and untranscribed exclude each other: no fold may learn from a speaker it tests")
        if self.folds < 0 or self.folds in (1, 2):
            why = "a fold is trained on those that are neither its test set nor its dev"
            raise ValueError(f"folds must be 3 or more, or 0 for none, not {self.folds}: {why}")


@options
class NoiseOptions:
    """The `noise:` block: harder copies of the test set, on which all runs are scored as well."""

    #: signal-to-noise ratios in dB of the copies, for example [20, 10, 5]; empty: no copies
    snr: tuple[float, ...] = ()
    #: utterances of train, all talking at once, that are the noise of an utterance
    talkers: int = 8

    def __post_init__(self) -> None:
        if len(set(self.snr)) < len(self.snr):
            raise ValueError(f"snr must not repeat a ratio, as in {list(self.snr)}")
        if any(not -20 <= ratio <= 60 for ratio in self.snr):
            raise ValueError(f"snr must lie between -20 and 60 dB, not {list(self.snr)}")
        if self.talkers < 1:
            raise ValueError(f"talkers must be 1 or more, not {self.talkers}")
