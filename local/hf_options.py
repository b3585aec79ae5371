"""Options of Hugging Face's datasets."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from asr_prune.corpus.spelling import is_noise
from asr_prune.options import options

WHERE = (
    "choose a dataset of huggingface.co, by its name, or a local folder; its page states its licence "
    "and whether a login (HF_TOKEN) is needed."
)

#: value of `lexicon` with which words are spelt: each letter is a phone
GRAPHEMES = "graphemes"
#: two of so many speakers are held out, so that one remains
LEAST_HELD_OUT = 3


@options
class Options:
    """Which rows and columns to read, and how to spell the text."""

    #: the dataset's configuration, if it has several; of local tables, their folder
    config: str = ""
    #: its version on the hub: a branch, tag or commit
    revision: str = ""
    #: split of the training set
    train: str = "train"
    #: split of the development set; empty: every `held_out`th speaker of train
    dev: str = "validation"
    #: split of the test set; empty: every `held_out`th speaker of train
    test: str = "test"
    #: hold out every n-th speaker of train (without a speaker column, utterance) for an empty split
    held_out: int = 10
    #: column of the audio
    audio: str = "audio"
    #: column of the transcript
    text: str = "text"
    #: column of the speaker; empty: every utterance has its own speaker
    speaker: str = ""
    #: column of the utterance's name; empty: its number in the split
    id: str = ""
    #: stream the rows instead of downloading the dataset first
    streaming: bool = False
    #: maximum number of utterances per split; 0: all
    limit: int = 0
    #: letter case of the words
    case: Literal["upper", "lower", "keep"] = "upper"
    #: drop or keep punctuation and symbols; apostrophes inside words are always kept
    punctuation: Literal["drop", "keep"] = "drop"
    #: words with digits: keep them; leave_out: the utterance; refuse: stop; pronounce: keep, and let
    #: g2p read them as English numbers. They are counted and reported
    digits: Literal["keep", "leave_out", "refuse", "pronounce"] = "keep"
    #: noises in <>, [] or {}, or of one word in (): remove them; keep them as words; or the word for
    #: all of them, such as <noise>. Lexicons spell them SPN unless a file has them
    noises: str = "remove"
    #: file of the pronunciation lexicon; `graphemes`: each letter is a phone; empty: no lexicon, so
    #: that networks are trained on characters with CTC
    lexicon: str = ""
    #: add pronunciations by espeak-ng's rules for English words of the training text that the
    #: lexicon lacks
    g2p: bool = False
    #: ARPA file, gzipped or not; empty: a model is estimated from the training text (lang.lm)
    lm: Path | None = None

    def __post_init__(self) -> None:
        if not self.train:
            raise ValueError("train names a split; only dev and test may be empty, to hold out speakers")
        if self.held_out < LEAST_HELD_OUT or self.limit < 0:
            raise ValueError(f"held_out must be {LEAST_HELD_OUT} or more and limit 0 or more")
        if self.g2p and self.lexicon in ("", GRAPHEMES):
            raise ValueError("g2p completes a lexicon file; name one in lexicon, or remove g2p")
        if self.noises not in ("remove", "keep") and not is_noise(self.noises):
            raise ValueError("noises is remove, keep or one word in brackets, such as <noise>")
        if self.noises != "remove" and not self.lexicon:
            raise ValueError("without a lexicon, networks would spell noises; set noises: remove")
        if self.digits == "pronounce" and not self.g2p:
            raise ValueError("digits: pronounce needs g2p: true")
