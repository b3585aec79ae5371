"""Options of the `lang:` block."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from asr_prune.lang.ngram.options import LmOptions
from asr_prune.options import options


@options
class LangOptions:
    """How the lexicon becomes phones and FSTs, as in Kaldi's prepare_lang.sh."""

    #: phones that model no speech; each gets the silence topology
    silence_phones: tuple[str, ...] = ("SIL",)
    #: the silence phone that may stand between words
    optional_silence: str = "SIL"
    #: probability of that optional silence at each word boundary; 0 leaves it out
    sil_prob: float = 0.5
    #: mark phones by their place in the word (_B _I _E _S); the marked forms of a phone share their HMM states' root
    position_dependent: bool = False
    #: emitting states of a silence phone
    silence_states: int = 5
    #: emitting states of any other phone
    phone_states: int = 3
    #: what CTC spells words with: characters, or pieces that sentencepiece learns from the training text
    tokens: Literal["characters", "pieces"] = "characters"
    #: how many pieces, characters included; fewer where the text has no more
    pieces: int = 100
    #: the word that stands for training words outside the lexicon, where the lexicon has it
    oov_word: str = "<UNK>"
    #: the language model, where it is estimated
    lm: LmOptions = LmOptions()
    #: a JSGF grammar of what may be said, in place of the corpus's language model
    grammar: Path | None = None
    #: a lang folder made by Kaldi's prepare_lang.sh, with G.fst, to be taken in place of making one; what describes the
    #: making does not apply
    folder: Path | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.sil_prob < 1:
            raise ValueError(f"sil_prob must be at least 0 and below 1, not {self.sil_prob}")
        if self.phone_states < 1:
            raise ValueError(f"phone_states must be at least 1, not {self.phone_states}")
        if self.pieces < 2:
            raise ValueError(f"pieces must be at least 2, not {self.pieces}")
        if self.silence_states < 3:
            raise ValueError(f"silence_states must be at least 3, not {self.silence_states}")
        if self.folder and (self.grammar or self.lm != LmOptions()):
            raise ValueError(f"folder {self.folder} brings its own G.fst; leave out grammar and lm, or folder")
        if self.optional_silence not in self.silence_phones:
            raise ValueError(
                f"optional_silence {self.optional_silence!r} must be one of silence_phones {list(self.silence_phones)}"
            )
