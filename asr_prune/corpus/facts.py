"""What the corpus stage records about a corpus, for the stages that depend on it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from asr_prune.errors import UserError
from asr_prune.files import atomic
from asr_prune.integrity import checked

#: Kaldi's dictionary files, the first of which that exists is used, as by prepare_lang.sh
LEXICONS = ("lexiconp_silprob.txt", "lexiconp.txt", "lexicon.txt")
#: silence at the ends of sentences, which belongs to the first
SILPROB = "silprob.txt"
ARPA, LM_TEXT = "lm.arpa", "lm.txt"


@dataclass(frozen=True)
class Facts:
    """lexicon: the corpus has a pronunciation lexicon; arpa: a language model; lm_text: text for
    one.

    lexicon_file: the name of the lexicon, one of LEXICONS.
    """

    lexicon: bool = False
    arpa: bool = False
    lm_text: bool = False
    lexicon_file: str = LEXICONS[-1]

    @classmethod
    def of(cls, dictionary: Path) -> Facts:
        """From the files that a local script wrote to data/<name>/local."""
        present = [name for name in LEXICONS if (dictionary / name).is_file()]
        arpa, text = ((dictionary / name).is_file() for name in (ARPA, LM_TEXT))
        return cls(bool(present), arpa, text, next(iter(present), LEXICONS[-1]))

    @classmethod
    def read(cls, path: Path) -> Facts | None:
        """What `write` wrote; None if there is no such file. Raises UserError if it is damaged."""
        if not path.is_file():
            return None
        try:
            return cls(**json.loads(checked(path).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError) as error:
            raise UserError(f"{path} is damaged ({error}); delete it and run the corpus stage again.") from error

    def write(self, path: Path) -> None:
        with atomic(path) as file:
            json.dump(asdict(self), file, indent=1)
