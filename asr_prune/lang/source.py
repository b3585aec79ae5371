"""What G.fst is made of."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from asr_prune.lang.overlap import OVERLAP


@dataclass(frozen=True)
class GrammarSource:
    """Exactly one of a JSGF grammar, an ARPA file, or text to estimate a model from.

    named: the lines of the text begin with an utterance's id; heldout: transcripts on which
    perplexity is measured; test: transcripts whose sentences should not be in the text.
    """

    grammar: Path | None = None
    arpa: Path | None = None
    text: tuple[Path, ...] = ()
    named: bool = False
    heldout: Path | None = None
    test: Path | None = None

    @property
    def files(self) -> list[Path]:
        single = (self.grammar, self.arpa, self.heldout, self.test)
        return [*self.text, *(path for path in single if path)]

    def made_by_corpus(self, data: Path) -> dict[Path, str]:
        """The files among these that lie below `data`, with the stage that makes them."""
        return dict.fromkeys((path for path in self.files if data in path.parents), "corpus")

    def given(self, data: Path) -> list[Path]:
        """The files among these that the recipe names."""
        return [path for path in self.files if data not in path.parents]

    def estimates(self) -> list[str]:
        """The files of the estimated model, if one is estimated."""
        return ["lm.arpa", OVERLAP] if self.text else []
