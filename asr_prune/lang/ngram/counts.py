"""How often each n-gram occurs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from asr_prune.lang.ngram.text import OOV_ID, START


@dataclass(frozen=True)
class NGramCounts:
    """The n-grams of one order that occur, sorted by history and word; of order 1, every word by its id.

    history int64 [n]: all words but the last, as an index into the order below; suffix int64 [n]: all but the first,
    likewise; word int64 [n]: the last; times int64 [n]: occurrences.
    """

    history: np.ndarray
    suffix: np.ndarray
    word: np.ndarray
    times: np.ndarray


def count_ngrams(ids: np.ndarray, order: int, size: int) -> list[NGramCounts]:
    """The n-grams of orders 1 to `order`, as far as there are any, in sentences `ids` int64 [tokens] over `size` words;
    none spans an OOV_ID.
    """
    none = np.zeros(size, np.int64)
    found = [NGramCounts(none, none, np.arange(size), np.bincount(ids[ids != OOV_ID], minlength=size))]
    ends = ids  # the n-gram that ends at each token, OOV_ID where there is none
    for _ in range(1, order):
        longer, ends = _extend(ids, ends, size)
        if not len(longer.word):
            break
        found.append(longer)
    return found


def _extend(ids: np.ndarray, ends: np.ndarray, size: int) -> tuple[NGramCounts, np.ndarray]:
    before = np.append(OOV_ID, ends[:-1])
    whole = np.flatnonzero((before != OOV_ID) & (ids != OOV_ID) & (ids != START))
    keys, first, which, times = np.unique(before[whole] * size + ids[whole], True, True, True)
    longer = np.full_like(ends, OOV_ID)
    longer[whole] = which
    return NGramCounts(keys // size, ends[whole[first]], keys % size, times), longer
