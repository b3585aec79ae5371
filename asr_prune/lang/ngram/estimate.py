"""Probabilities from counts, by interpolated modified Kneser-Ney or Witten-Bell smoothing."""

from __future__ import annotations

import numpy as np

from asr_prune.lang.ngram.counts import NGramCounts
from asr_prune.lang.ngram.discounts import kneser_ney, witten_bell
from asr_prune.lang.ngram.model import BackOff, NGrams
from asr_prune.lang.ngram.text import START


def estimate_ngrams(counts: list[NGramCounts], words: list[str], smoothing: str) -> tuple[BackOff, list[str]]:
    """The back-off model of `counts`, and a line for the log on how each order was discounted.

    p(w | h) = (c(h w) - D) / c(h .) + g(h) p(w | h'), where h' is h without its first word and g(h)
    the discounted share of c(h .), which is also the back-off weight; below the unigrams all words
    but `<s>` have the same probability (Chen and Goodman 1998, eq. 24). smoothing: kneser_ney,
    where c below the highest order counts the distinct words before the n-gram (if there are any),
    or witten_bell.
    """
    orders: list[NGrams] = []
    lines, below = [], np.array([1 / (len(words) - 1)])
    for n, grams in enumerate(counts):
        c = _effective(counts, n, smoothing)
        discount = (kneser_ney if smoothing == "kneser_ney" else witten_bell)(c, grams.history)
        p, weight = _interpolated(grams, c, discount.of, below)
        if n:
            orders[-1] = _weighted(orders[-1], weight)
        else:
            p[START] = 0
        orders.append(_with_probabilities(grams, p))
        lines.append(f"{n + 1}-grams: {discount.how}")
        below = p
    return BackOff(words, orders), lines


def _effective(counts: list[NGramCounts], n: int, smoothing: str) -> np.ndarray:
    """The counts that order n + 1 is estimated from; that of `<s>` is 0."""
    grams = counts[n]
    highest = n + 1 == len(counts)
    c = grams.times
    if smoothing == "kneser_ney" and not highest:
        c = _continuations(grams, counts[n + 1])
    return c if n else np.where(grams.word == START, 0, c)


def _continuations(grams: NGramCounts, longer: NGramCounts) -> np.ndarray:
    """Number of distinct words before each n-gram; occurrences if there are none (after `<s>`)."""
    types = np.bincount(longer.suffix, minlength=len(grams.word))
    return np.where(types > 0, types, grams.times)


def _interpolated(
    grams: NGramCounts,
    c: np.ndarray,
    d: np.ndarray,
    below: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """p float64 [n], and the weight of each history, 1 if nothing follows it.

    c: counts; d: discounts; below: probabilities of the lower order.
    """
    totals = np.bincount(grams.history, c, len(below))
    ones = np.ones(len(below))
    weight = np.bincount(grams.history, d, len(below))
    weight = np.divide(weight, totals, out=ones, where=totals > 0)
    interpolated = weight[grams.history] * below[grams.suffix]
    return (c - d) / totals[grams.history] + interpolated, weight


def _with_probabilities(grams: NGramCounts, p: np.ndarray) -> NGrams:
    with np.errstate(divide="ignore"):
        log_p = np.log(p)
    return NGrams(grams.history, grams.suffix, grams.word, log_p, np.zeros(len(p)))


def _weighted(grams: NGrams, weight: np.ndarray) -> NGrams:
    return NGrams(grams.history, grams.suffix, grams.word, grams.log_p, np.log(weight))
