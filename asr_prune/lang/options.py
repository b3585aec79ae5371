"""Options of the `lang:` block."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from asr_prune.lang.ngram.options import LmOptions
from asr_prune.options import options


@options
class LangOptions:
    """Phones and FSTs from the lexicon, as in Kaldi's prepare_lang.sh."""

    #: phones that are not speech; each gets the silence topology
    silence_phones: tuple[str, ...] = ("SIL",)
    #: phone of the optional silence between words
    optional_silence: str = "SIL"
    #: probability of the optional silence at a word boundary; 0: no optional silence. A lexicon
    #: lexiconp_silprob.txt has its own
    sil_prob: float = 0.5
    #: mark phones by position in the word (_B, _I, _E, _S); the variants of a phone share the root
    #: of their decision tree
    position_dependent: bool = False
    #: emitting HMM states of a silence phone
    silence_states: int = 5
    #: emitting HMM states of any other phone
    phone_states: int = 3
    #: output tokens of CTC networks: characters, sentencepiece pieces learned from the training
    #: text, or phones of the lexicon
    tokens: Literal["characters", "pieces", "phones"] = "characters"
    #: number of sentencepiece pieces, single characters included; fewer if the text has fewer
    pieces: int = 100
    #: lexicon word that stands for training words outside the lexicon
    oov_word: str = "<UNK>"
    #: estimation of the language model
    lm: LmOptions = LmOptions()
    #: JSGF grammar, used instead of a language model
    grammar: Path | None = None
    #: lang folder from Kaldi's prepare_lang.sh, with G.fst, used instead of building one; options
    #: that describe how to build it do not apply
    folder: Path | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.sil_prob < 1:
            raise ValueError(f"sil_prob must be at least 0 and below 1, not {self.sil_prob}")
        for name, least in (("phone_states", 1), ("pieces", 2), ("silence_states", 3)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be at least {least}, not {getattr(self, name)}")
        if self.folder and (self.grammar or self.lm != LmOptions()):
            message = f"folder {self.folder} brings its own G.fst"
            raise ValueError(f"{message}; leave out grammar and lm, or folder")
        if self.optional_silence not in self.silence_phones:
            phones = list(self.silence_phones)
            message = f"optional_silence {self.optional_silence!r} must be one of silence_phones"
            raise ValueError(f"{message} {phones}")


def token_files(tokens: str) -> list[str]:
    """The files of a lang folder that say what CTC learns, by `tokens` of LangOptions."""
    more = {"pieces": ["tokens.model"], "phones": ["tokens.lexicon"]}
    return ["tokens.txt", *more.get(tokens, [])]
