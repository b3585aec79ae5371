"""What the corpus stage records about a corpus, for the stages that depend on it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from asr_prune.errors import UserError
from asr_prune.files import atomic
from asr_prune.integrity import checked

LEXICON, ARPA, LM_TEXT = "lexicon.txt", "lm.arpa", "lm.txt"


@dataclass(frozen=True)
class Facts:
    """lexicon: the corpus has a pronunciation lexicon; arpa: a language model; lm_text: text for one."""

    lexicon: bool = False
    arpa: bool = False
    lm_text: bool = False

    @classmethod
    def of(cls, dictionary: Path) -> Facts:
        """From the files that a local script wrote to data/<name>/local."""
        return cls(*((dictionary / name).is_file() for name in (LEXICON, ARPA, LM_TEXT)))

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
