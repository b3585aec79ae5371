"""n-gram counts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from asr_prune.lang.ngram.text import OOV_ID, START


@dataclass(frozen=True)
class NGramCounts:
    """The observed n-grams of one order, sorted by history and word; for order 1, all words by id.

    history int64 [n]: all words but the last, as an index into the order below; suffix int64 [n]:
    all words but the first, likewise; word int64 [n]: the last word; times int64 [n]: occurrences.
    """

    history: np.ndarray
    suffix: np.ndarray
    word: np.ndarray
    times: np.ndarray


def count_ngrams(ids: np.ndarray, order: int, size: int) -> list[NGramCounts]:
    """n-grams of orders 1 to `order`, without empty orders; none spans an OOV_ID.

    ids: sentences, int64 [tokens]; size: number of words.
    """
    none = np.zeros(size, np.int64)
    unigrams = np.bincount(ids[ids != OOV_ID], minlength=size)
    counts = [NGramCounts(none, none, np.arange(size), unigrams)]
    # index of the n-gram that ends at each token, OOV_ID if there is none
    ends = ids
    for _ in range(1, order):
        longer, ends = _extend(ids, ends, size)
        if not len(longer.word):
            break
        counts.append(longer)
    return counts


def _extend(ids: np.ndarray, ends: np.ndarray, size: int) -> tuple[NGramCounts, np.ndarray]:
    """n-grams of the next order, and the one that ends at each token."""
    before = np.append(OOV_ID, ends[:-1])
    whole = np.flatnonzero((before != OOV_ID) & (ids != OOV_ID) & (ids != START))
    keys, first, which, times = np.unique(before[whole] * size + ids[whole], True, True, True)
    longer = np.full_like(ends, OOV_ID)
    longer[whole] = which
    return NGramCounts(keys // size, ends[whole[first]], keys % size, times), longer
