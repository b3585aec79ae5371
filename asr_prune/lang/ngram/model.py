"""Back-off models and perplexity."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from asr_prune.lang.ngram.text import OOV_ID, START, EncodedText


@dataclass(frozen=True)
class NGrams:
    """The n-grams of one order, sorted by history and word; natural logarithms.

    history, suffix, word int64 [n]: see `NGramCounts`; log_p float64 [n]: of the word given the
    history (-inf for `<s>`); log_weight float64 [n]: back-off weight for words that are not listed
    after the n-gram.
    """

    history: np.ndarray
    suffix: np.ndarray
    word: np.ndarray
    log_p: np.ndarray
    log_weight: np.ndarray


@dataclass(frozen=True)
class BackOff:
    """words: by id; orders: n-grams of order 1, 2, ..., with history and suffix of each."""

    words: list[str]
    orders: list[NGrams]

    def log_p(self, ids: np.ndarray) -> np.ndarray:
        """Log-probability of each token of sentences int64 [tokens], float64 [tokens].

        0 for START, nan for OOV_ID, which ends the history.
        """
        total = np.where(ids == OOV_ID, np.nan, 0.0)
        todo = (ids != OOV_ID) & (ids != START)
        for grams, ends, before in reversed(self._matches(ids)):
            after = todo & (before != OOV_ID)
            total[after] += grams.log_weight[before[after]]
            listed = todo & (ends != OOV_ID)
            total[listed] += grams.log_p[ends[listed]]
            todo &= ~listed
        return total

    def _matches(self, ids: np.ndarray) -> list[tuple[NGrams, np.ndarray, np.ndarray]]:
        """By order: n-grams, and those that end at each token and at the one before.

        OOV_ID if there is none.
        """
        matches: list[tuple[NGrams, np.ndarray, np.ndarray]] = []
        for order, grams in enumerate(self.orders):
            ends = self._find(grams, matches[-1][2], ids) if order else ids
            matches.append((grams, ends, np.append(OOV_ID, ends[:-1])))
        return matches

    def _find(self, grams: NGrams, history: np.ndarray, word: np.ndarray) -> np.ndarray:
        """Index of each n-gram, OOV_ID if it is not listed."""
        if not len(grams.word):
            return np.full_like(word, OOV_ID)
        size = len(self.words)
        keys = grams.history * size + grams.word
        known = (history != OOV_ID) & (word != OOV_ID)
        wanted = np.where(known, history * size + word, OOV_ID)
        place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        return np.where(keys[place] == wanted, place, OOV_ID)

    def __str__(self) -> str:
        sizes = ", ".join(f"{len(grams.word)} {n}-grams" for n, grams in enumerate(self.orders, 1))
        return f"{len(self.words) - 2} words, {sizes}"


@dataclass(frozen=True)
class Perplexity:
    """Per word and sentence end.

    without: without out-of-vocabulary words, as in SRILM and KenLM; with_oov: with those as the
    word for unknown words, None if the vocabulary has no such word or the text no such words.
    """

    without: float
    with_oov: float | None
    text: EncodedText

    def __str__(self) -> str:
        line = f"{self.without:.2f} on {self.text}"
        return line if self.with_oov is None else f"{line}; {self.with_oov:.2f} with those"


def perplexity(model: BackOff, text: EncodedText, oov: int) -> Perplexity:
    """Perplexity of `model` on `text`; oov: id of the word for unknown words, or OOV_ID."""
    log_p, spoken = model.log_p(text.mapped(oov)), text.ids != START
    known = spoken & (text.ids != OOV_ID)
    with_oov = None
    if oov != OOV_ID and text.unknown:
        with_oov = math.exp(-log_p[spoken].mean())
    return Perplexity(math.exp(-log_p[known].mean()), with_oov, text)
