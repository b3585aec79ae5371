"""Text to word numbers: sentences read from files, the vocabulary, words outside it."""

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

#: the sentence's start and end in text and ARPA files, and their ids
_MARKS = ("<s>", "</s>")
START, END = 0, 1
OOV_ID = -1


@dataclass(frozen=True)
class Vocabulary:
    """words: `<s>`, `</s>`, then in C order, by id; ids: the other way; oov: id of the word for others, or OOV_ID."""

    words: list[str]
    ids: dict[str, int]
    oov: int

    @classmethod
    def of(cls, words: Iterable[str], oov: str = "") -> Vocabulary:
        """oov: stands for words outside `words` where it is one of them."""
        listed = [*_MARKS, *sorted(set(words) - set(_MARKS))]
        ids = {word: i for i, word in enumerate(listed)}
        return cls(listed, ids, ids.get(oov, OOV_ID))


@dataclass(frozen=True)
class EncodedText:
    """ids int64 [tokens]: each sentence from START to END, words outside the vocabulary OOV_ID; unknown: those words,
    counted.
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
        told = f"{self.words} words in {self.sentences} sentences"
        if not self.unknown:
            return f"{told}, none outside the vocabulary"
        total, common = self.unknown.total(), first_few(word for word, _ in self.unknown.most_common())
        return f"{told}, {total} ({100 * total / self.words:.2f} %) outside the vocabulary: {common}"


def encode_text(sentences: Iterable[Sequence[str]], vocabulary: Vocabulary) -> EncodedText:
    """Sentences as word numbers."""
    get, ids, unknown = vocabulary.ids.get, array("q"), Counter[str]()
    for words in sentences:
        row = [get(word, OOV_ID) for word in words]
        if OOV_ID in row:
            unknown.update(word for word, i in zip(words, row, strict=True) if i == OOV_ID)
        ids.append(START)
        ids.extend(row)
        ids.append(END)
    return EncodedText(np.array(ids, np.int64), unknown)


def read_sentences(path: Path, named: bool = False) -> Iterator[list[str]]:
    """The sentences of a file, one a line, gzipped where its name ends in .gz; `<s>` and `</s>` around them are left
    out.

    named: an utterance's id comes first, as in Kaldi's `text`. Raises UserError with the line number where a word is
    one that the FSTs reserve, and for a file that is missing, damaged or not UTF-8.
    """
    for number, line in enumerate(text_lines(path), 1):
        words = line.split()[1 if named else 0 :]
        words = words[words[:1] == ["<s>"] :]
        words = words[: len(words) - (words[-1:] == ["</s>"])]
        if not RESERVED_WORDS.isdisjoint(words):
            word = next(word for word in words if word in RESERVED_WORDS)
            raise UserError(f"{path}:{number}: {word!r} is no word of a text, for the FSTs reserve it; remove it.")
        if words:
            yield words
