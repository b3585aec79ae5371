"""A back-off model in memory, and what it says of text."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from asr_prune.lang.ngram.text import OOV_ID, START, EncodedText


@dataclass(frozen=True)
class NGrams:
    """Those of one order, sorted by history and word; natural logarithms.

    history, suffix, word int64 [n]: as in `NGramCounts`; log_p float64 [n]: of the word after the history (`<s>`: -inf);
    log_weight float64 [n]: what words that are not listed after the n-gram pay.
    """

    history: np.ndarray
    suffix: np.ndarray
    word: np.ndarray
    log_p: np.ndarray
    log_weight: np.ndarray


@dataclass(frozen=True)
class BackOff:
    """words: by id; orders: n-grams of order 1, 2, ...; of each, history and suffix are listed too."""

    words: list[str]
    orders: list[NGrams]

    def log_p(self, ids: np.ndarray) -> np.ndarray:
        """float64 [tokens]: of each token of sentences int64 [tokens] after those before it, START's 0.

        What follows an OOV_ID is taken without history, and OOV_ID itself is nan.
        """
        total, todo = np.where(ids == OOV_ID, np.nan, 0.0), (ids != OOV_ID) & (ids != START)
        for grams, ends, before in reversed(self._matches(ids)):
            after = todo & (before != OOV_ID)
            total[after] += grams.log_weight[before[after]]
            listed = todo & (ends != OOV_ID)
            total[listed] += grams.log_p[ends[listed]]
            todo &= ~listed
        return total

    def _matches(self, ids: np.ndarray) -> list[tuple[NGrams, np.ndarray, np.ndarray]]:
        """By order: its n-grams, which of them ends at each token and which one token before, OOV_ID for none."""
        matches: list[tuple[NGrams, np.ndarray, np.ndarray]] = []
        for order, grams in enumerate(self.orders):
            ends = self._find(grams, matches[-1][2], ids) if order else ids
            matches.append((grams, ends, np.append(OOV_ID, ends[:-1])))
        return matches

    def _find(self, grams: NGrams, history: np.ndarray, word: np.ndarray) -> np.ndarray:
        keys, size = grams.history * len(self.words) + grams.word, len(self.words)
        asked = np.where((history == OOV_ID) | (word == OOV_ID), OOV_ID, history * size + word)
        place = np.minimum(np.searchsorted(keys, asked), len(keys) - 1)
        return np.where(keys[place] == asked, place, OOV_ID) if len(keys) else np.full_like(word, OOV_ID)

    def __str__(self) -> str:
        sizes = ", ".join(f"{len(grams.word)} {n}-grams" for n, grams in enumerate(self.orders, 1))
        return f"{len(self.words) - 2} words, {sizes}"


@dataclass(frozen=True)
class Perplexity:
    """Of words and sentence ends; without: words outside the vocabulary left out, as SRILM and KenLM print it;
    with_oov: those counted as the word for unknown words, None where the vocabulary has none.
    """

    without: float
    with_oov: float | None
    tokens: EncodedText

    def __str__(self) -> str:
        told = f"{self.without:.2f} on {self.tokens}"
        return told if self.with_oov is None else f"{told}; {self.with_oov:.2f} with those"


def perplexity(model: BackOff, tokens: EncodedText, oov: int) -> Perplexity:
    """What `model` makes of text; oov: id of the word for unknown words, or OOV_ID."""
    log_p, spoken = model.log_p(tokens.mapped(oov)), tokens.ids != START
    known = spoken & (tokens.ids != OOV_ID)
    whole = None if oov == OOV_ID or not tokens.unknown else math.exp(-log_p[spoken].mean())
    return Perplexity(math.exp(-log_p[known].mean()), whole, tokens)
