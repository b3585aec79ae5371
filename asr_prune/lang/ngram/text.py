"""Reading sentences, and encoding them as word ids."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from asr_prune.errors import UserError, first_few
from asr_prune.lang.dictionary import text_lines
from asr_prune.lang.lexicon import RESERVED_WORDS
from asr_prune.text import fields

#: sentence start and end in text and ARPA files, and their ids
_MARKS = ("<s>", "</s>")
START, END = 0, 1
#: id of words outside the vocabulary
OOV_ID = -1


@dataclass(frozen=True)
class Vocabulary:
    """words: by id, `<s>`, `</s>`, then in C order; ids: of words; oov: id of the word for unknown
    words, or OOV_ID.
    """

    words: list[str]
    ids: dict[str, int]
    oov: int

    @classmethod
    def of(cls, words: Iterable[str], oov: str = "") -> Vocabulary:
        """oov: the word for unknown words, if it is one of `words`."""
        listed = [*_MARKS, *sorted(set(words) - set(_MARKS))]
        ids = {word: i for i, word in enumerate(listed)}
        return cls(listed, ids, ids.get(oov, OOV_ID))


@dataclass(frozen=True)
class EncodedText:
    """ids: sentences from START to END, int64 [tokens], OOV_ID for words outside the vocabulary;
    unknown: counts of those words.
    """

    ids: np.ndarray
    unknown: Counter[str]

    @property
    def sentences(self) -> int:
        return int(np.count_nonzero(self.ids == START))

    @property
    def words(self) -> int:
        return len(self.ids) - 2 * self.sentences

    def mapped(self, oov: int) -> np.ndarray:
        """The ids, with `oov` for OOV_ID."""
        return np.where(self.ids == OOV_ID, oov, self.ids)

    def __str__(self) -> str:
        text = f"{self.words} words in {self.sentences} sentences"
        if not self.unknown:
            return f"{text}, none outside the vocabulary"
        total = self.unknown.total()
        share = f"{total} ({100 * total / self.words:.2f} %)"
        common = first_few(word for word, _ in self.unknown.most_common())
        return f"{text}, {share} outside the vocabulary: {common}"


def encode_text(sentences: Iterable[Sequence[str]], vocabulary: Vocabulary) -> EncodedText:
    """Sentences as word ids."""
    get, ids, unknown = vocabulary.ids.get, array("q"), Counter[str]()
    for words in sentences:
        row = [get(word, OOV_ID) for word in words]
        if OOV_ID in row:
            pairs = zip(words, row, strict=True)
            unknown.update(word for word, i in pairs if i == OOV_ID)
        ids.append(START)
        ids.extend(row)
        ids.append(END)
    return EncodedText(np.array(ids, np.int64), unknown)


def read_sentences(path: Path, named: bool = False) -> Iterator[list[str]]:
    """The sentences of a file, one per line, without `<s>` and `</s>` around them.

    The file is decompressed if its name ends in .gz. named: each line begins with an utterance id,
    as in Kaldi's `text`. Raises UserError, with the line number, for a word that is reserved for
    the FSTs, for a file that is missing or damaged, and as `decoded_lines`.
    """
    for number, line in enumerate(text_lines(path), 1):
        words = fields(line)[1 if named else 0 :]
        words = words[words[:1] == ["<s>"] :]
        words = words[: len(words) - (words[-1:] == ["</s>"])]
        if not RESERVED_WORDS.isdisjoint(words):
            word = next(word for word in words if word in RESERVED_WORDS)
            message = f"{path}:{number}: {word!r} is reserved for the FSTs"
            raise UserError(f"{message}; remove it from the text.")
        if words:
            yield words
