"""How often each n-gram occurs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from asr_prune.lang.ngram.text import START, UNKNOWN


@dataclass(frozen=True)
class Counts:
    """The n-grams of one order that occur, sorted by history and word; of order 1, every word by its id.

    history int64 [n]: all words but the last, as an index into the order below; suffix int64 [n]: all but the first,
    likewise; word int64 [n]: the last; times int64 [n]: occurrences.
    """

    history: np.ndarray
    suffix: np.ndarray
    word: np.ndarray
    times: np.ndarray


def count(ids: np.ndarray, order: int, size: int) -> list[Counts]:
    """The n-grams of orders 1 to `order`, as far as there are any, in sentences `ids` int64 [tokens] over `size` words;
    none spans an UNKNOWN.
    """
    none = np.zeros(size, np.int64)
    found = [Counts(none, none, np.arange(size), np.bincount(ids[ids != UNKNOWN], minlength=size))]
    ends = ids  # the n-gram that ends at each token, UNKNOWN where there is none
    for _ in range(1, order):
        longer, ends = _extend(ids, ends, size)
        if not len(longer.word):
            break
        found.append(longer)
    return found


def _extend(ids: np.ndarray, ends: np.ndarray, size: int) -> tuple[Counts, np.ndarray]:
    before = np.append(UNKNOWN, ends[:-1])
    whole = np.flatnonzero((before != UNKNOWN) & (ids != UNKNOWN) & (ids != START))
    keys, first, which, times = np.unique(before[whole] * size + ids[whole], True, True, True)
    longer = np.full_like(ends, UNKNOWN)
    longer[whole] = which
    return Counts(keys // size, ends[whole[first]], keys % size, times), longer
