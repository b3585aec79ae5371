"""Reading a lang folder."""

from __future__ import annotations

from dataclasses import dataclass

from asr_prune.errors import UserError
from asr_prune.files import Readable
from asr_prune.integrity import checked
from asr_prune.lang.symbols import read_symbols
from asr_prune.layout import made_by
from asr_prune.text import decoded, fields, lines_of

#: what `Lang.read` reads of a lang folder
LANG_FILES = (
    *("phones.txt", "words.txt", "topo", "oov.int"),
    *(f"phones/{name}.int" for name in ("silence", "optional_silence", "disambig", "sets")),
)
#: a whole lang folder
FOLDER_FILES = (*LANG_FILES, "L.fst", "L_disambig.fst", "G.fst")


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
        phones, words = read_symbols(path / "phones.txt"), read_symbols(path / "words.txt")
        oov = _ints(path / "oov.int", words)
        return cls(
            path=path,
            phones=phones,
            words=words,
            silence=_flat(path / "phones/silence.int", phones),
            optional_silence=_flat(path / "phones/optional_silence.int", phones)[0],
            disambig=_disambig(path / "phones/disambig.int", phones),
            shared=_ints(path / "phones/sets.int", phones),
            topo=_text(path / "topo"),
            oov=oov[0][0] if oov and oov[0] else None,
        )

    def word_ids(self, words: list[str]) -> list[int] | None:
        """Ids of a transcript, `oov` for unknown words; None if it has one and `oov` is None."""
        ids = [self.words.get(word, self.oov) for word in words]
        return None if None in ids else [i for i in ids if i is not None]


def _text(path: Readable) -> str:
    try:
        return decoded(checked(path).read_bytes(), path)
    except OSError as error:
        message = f"cannot read {path}: {error.strerror}; {made_by(path, 'lang')}."
        raise UserError(message) from error
    except UnicodeDecodeError as error:
        message = f"{path} is not UTF-8 (byte {error.start})"
        raise UserError(f"{message}; run the lang stage again.") from error


def _ints(path: Readable, table: dict[str, int]) -> list[list[int]]:
    """The ids in each line. Raises UserError for what is no id of `table`."""
    known = {str(i): i for i in table.values()}
    try:
        return [[known[word] for word in fields(line)] for line in lines_of(_text(path))]
    except KeyError as error:
        raise UserError(f"{path} has {error}, which is no id of its table; run the lang stage again.") from None


def _disambig(path: Readable, phones: dict[str, int]) -> list[int]:
    """Raises UserError if it is not all of #0, #1 ... of phones.txt."""
    ids = _flat(path, phones)
    if sorted(ids) != sorted(i for phone, i in phones.items() if phone[:1] == "#" and phone[1:].isdigit()):
        raise UserError(f"{path} has not the ids of #0, #1 ... of phones.txt; run the lang stage again.")
    return ids


def _flat(path: Readable, table: dict[str, int]) -> list[int]:
    """All ids, at least one. Raises UserError as `_ints`."""
    ids = [i for line in _ints(path, table) for i in line]
    if not ids:
        raise UserError(f"{path} is empty; run the lang stage again.")
    return ids
