"""Counts to probabilities: interpolated modified Kneser-Ney or Witten-Bell smoothing."""

from __future__ import annotations

import numpy as np

from asr_prune.lang.ngram.counts import NGramCounts
from asr_prune.lang.ngram.discounts import kneser_ney, witten_bell
from asr_prune.lang.ngram.model import BackOff, NGrams
from asr_prune.lang.ngram.text import START


def estimate_ngrams(counts: list[NGramCounts], words: list[str], smoothing: str) -> tuple[BackOff, list[str]]:
    """The back-off model of `counts`, and how each order was discounted, in words.

    p(w | h) = (c(h w) - D) / c(h .) + g(h) p(w | h'), where h' is h without its first word, g(h) the share of c(h .)
    that was discounted, and below the unigrams each word but `<s>` alike (Chen and Goodman 1998, eq. 24; g is then
    the back-off weight). smoothing: kneser_ney, whose c below the highest order counts the words found before an n-gram
    where there are some, or witten_bell.
    """
    orders: list[NGrams] = []
    told, below = [], np.array([1 / (len(words) - 1)])
    for n, own in enumerate(counts):
        c = _continuations(own, counts[n + 1]) if n + 1 < len(counts) and smoothing == "kneser_ney" else own.times
        if n == 0:
            c = np.where(own.word == START, 0, c)
        discount = (kneser_ney if smoothing == "kneser_ney" else witten_bell)(c, own.history)
        p, weight = _interpolated(own, c, discount.of, below)
        if n:
            orders[-1] = _weighted(orders[-1], weight)
        else:
            p[START] = 0
        with np.errstate(divide="ignore"):
            orders.append(NGrams(own.history, own.suffix, own.word, np.log(p), np.zeros(len(p))))
        told.append(f"{n + 1}-grams: {discount.how}")
        below = p
    return BackOff(words, orders), told


def _continuations(own: NGramCounts, longer: NGramCounts) -> np.ndarray:
    """How many words occur before each n-gram; its occurrences where none does, as at the start of a sentence."""
    kinds = np.bincount(longer.suffix, minlength=len(own.word))
    return np.where(kinds > 0, kinds, own.times)


def _interpolated(own: NGramCounts, c: np.ndarray, d: np.ndarray, below: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """p float64 [n], and the weight of each history, 1 for those that nothing follows."""
    totals = np.bincount(own.history, c, len(below))
    weight = np.divide(np.bincount(own.history, d, len(below)), totals, out=np.ones(len(below)), where=totals > 0)
    return (c - d) / totals[own.history] + weight[own.history] * below[own.suffix], weight


def _weighted(grams: NGrams, weight: np.ndarray) -> NGrams:
    return NGrams(grams.history, grams.suffix, grams.word, grams.log_p, np.log(weight))
