"""What n-grams that were seen give up for those that were not."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Discount(NamedTuple):
    """of: float64 [n], what each count gives up; how: the formula and its figures, in words."""

    of: np.ndarray
    how: str


def kneser_ney(counts: np.ndarray, history: np.ndarray) -> Discount:
    """Modified Kneser-Ney's discounts D1, D2, D3+ of counts int64 [n] of one order (Chen and Goodman 1998, eq. 26).

    Where the counts of counts n1 to n4 yield none above 0 for D2 or D3+: Kneser-Ney's one discount n1 / (n1 + 2 n2);
    where n1 or n2 is 0: Witten-Bell's.
    """
    n1, n2, n3, n4 = (int(np.count_nonzero(counts == i)) for i in (1, 2, 3, 4))
    if not n1 or not n2:
        return witten_bell(counts, history)._replace(how=f"Witten-Bell, for n1 to n4 are {n1}, {n2}, {n3}, {n4}")
    one = n1 / (n1 + 2 * n2)
    three = [one, 2 - 3 * one * n3 / n2, 3 - 4 * one * n4 / n3] if n3 and n4 else [one, 0.0, 0.0]
    if min(three) > 0:
        told = "modified Kneser-Ney, D " + ", ".join(f"{d:.3f}" for d in three)
        return Discount(np.array([0, *three])[np.minimum(counts, 3)], told)
    told = f"Kneser-Ney, D {one:.3f}, for n1 to n4 are {n1}, {n2}, {n3}, {n4}"
    return Discount(np.where(counts > 0, one, 0.0), told)


def witten_bell(counts: np.ndarray, history: np.ndarray) -> Discount:
    """c T / (C + T), C and T the occurrences and kinds of what follows a history (Witten and Bell 1991, method C)."""
    totals = np.bincount(history, counts)
    kinds = np.bincount(history, counts > 0)
    share = np.divide(kinds, totals + kinds, out=np.zeros_like(totals), where=totals > 0)
    return Discount(counts * share[history], "Witten-Bell")
