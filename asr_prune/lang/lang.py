"""Reading a lang folder."""

from __future__ import annotations

from dataclasses import dataclass

from asr_prune.errors import UserError
from asr_prune.files import Readable
from asr_prune.integrity import checked
from asr_prune.lang.symbols import read_symbols


@dataclass(frozen=True)
class Lang:
    """Tables and lists of the lang folder `path`; ids are those of phones.txt and words.txt.

    shared: classes of phones that share pdfs; disambig: ids of the phones #0, #1, ...; topo: text
    of the topology; oov: id of the word for unknown words, or None.
    """

    path: Readable
    phones: dict[str, int]
    words: dict[str, int]
    silence: list[int]
    optional_silence: int
    disambig: list[int]
    shared: list[list[int]]
    topo: str
    oov: int | None

    @classmethod
    def read(cls, path: Readable) -> Lang:
        """Reads a folder of `prepare_lang` or Kaldi. Raises UserError if a file is missing."""
        sets = _text(path / "phones/sets.int").splitlines()
        oov = _text(path / "oov.int").split()
        return cls(
            path=path,
            phones=read_symbols(path / "phones.txt"),
            words=read_symbols(path / "words.txt"),
            silence=_ints(path / "phones/silence.int"),
            optional_silence=_ints(path / "phones/optional_silence.int")[0],
            disambig=_ints(path / "phones/disambig.int"),
            shared=[[int(i) for i in line.split()] for line in sets],
            topo=_text(path / "topo"),
            oov=int(oov[0]) if oov else None,
        )

    def word_ids(self, words: list[str]) -> list[int] | None:
        """Ids of a transcript, `oov` for unknown words; None if it has one and `oov` is None."""
        ids = [self.words.get(word, self.oov) for word in words]
        return None if None in ids else [i for i in ids if i is not None]


def _text(path: Readable) -> str:
    try:
        return checked(path).read_text(encoding="utf-8")
    except OSError as error:
        message = f"cannot read {path}: {error.strerror}; the lang stage makes it."
        raise UserError(message) from error


def _ints(path: Readable) -> list[int]:
    return [int(i) for i in _text(path).split()]
