"""What a recipe may ask of a dataset of Hugging Face's."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from asr_prune.options import options

WHERE = (
    "name a dataset of huggingface.co or a folder: `--set corpus.root=NAME_OR_FOLDER` or HF_ROOT=...; its licence and "
    "whether one must log in (HF_TOKEN) stand on its page."
)

#: what `lexicon` says where a word is spelt instead of pronounced
GRAPHEMES = "graphemes"


@options
class Options:
    """Which rows and columns to take, and how the text is spelt."""

    #: the dataset's configuration, where it has several
    config: str = ""
    #: its version on the hub: a branch, tag or commit
    revision: str = ""
    #: splits of the three sets; an empty one is taken from train, every `held_out`th speaker
    train: str = "train"
    dev: str = "validation"
    test: str = "test"
    #: how speakers, or without a speaker column utterances, are taken from train for an empty split
    held_out: int = 10
    #: columns
    audio: str = "audio"
    text: str = "text"
    #: column of the speaker; empty: every utterance has a speaker of its own
    speaker: str = ""
    #: column of the utterance's name; empty: its number in the split
    id: str = ""
    #: read rows as they come instead of copying the dataset first
    streaming: bool = False
    #: utterances of each split at most; 0: all
    limit: int = 0
    #: letter case of the words
    case: Literal["upper", "lower", "keep"] = "upper"
    #: whether punctuation stays; apostrophes inside words always do
    punctuation: Literal["drop", "keep"] = "drop"
    #: file of pronunciations; `graphemes`: words are spelt, each letter a phone; empty: none, so that networks learn to
    #: spell by CTC
    lexicon: str = ""
    #: pronounce English words of the training text that the lexicon lacks by espeak-ng's rules
    g2p: bool = False
    #: ARPA file, gzipped or not; empty: estimated from the training text, as lang.lm says
    lm: Path | None = None

    def __post_init__(self) -> None:
        if self.held_out < 3 or self.limit < 0:
            raise ValueError("held_out must be 3 or more and limit 0 or more")
        if self.g2p and self.lexicon in ("", GRAPHEMES):
            raise ValueError("g2p completes a file of pronunciations; name one in lexicon, or leave g2p out")
