"""Discounts of n-gram counts for smoothing."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Discount(NamedTuple):
    """of: discount of each count, float64 [n]; how: formula and parameters, for the log."""

    of: np.ndarray
    how: str


def kneser_ney(counts: np.ndarray, history: np.ndarray) -> Discount:
    """Modified Kneser-Ney discounts D1, D2, D3+ of the counts of one order, int64 [n].

    Chen and Goodman 1998, eq. 26. If the counts of counts n1 to n4 give no positive D2 or D3+, the
    single Kneser-Ney discount n1 / (n1 + 2 n2) is used; if n1 or n2 is 0, Witten-Bell.
    """
    n1, n2, n3, n4 = (int(np.count_nonzero(counts == i)) for i in (1, 2, 3, 4))
    reason = f"since n1 to n4 are {n1}, {n2}, {n3}, {n4}"
    if not n1 or not n2:
        return witten_bell(counts, history)._replace(how=f"Witten-Bell, {reason}")
    one = n1 / (n1 + 2 * n2)
    three = [one, 0.0, 0.0]
    if n3 and n4:
        three = [one, 2 - 3 * one * n3 / n2, 3 - 4 * one * n4 / n3]
    if min(three) > 0:
        how = "modified Kneser-Ney, D " + ", ".join(f"{d:.3f}" for d in three)
        return Discount(np.array([0, *three])[np.minimum(counts, 3)], how)
    how = f"Kneser-Ney, D {one:.3f}, {reason}"
    return Discount(np.where(counts > 0, one, 0.0), how)


def witten_bell(counts: np.ndarray, history: np.ndarray) -> Discount:
    """c T / (C + T): C tokens and T types follow the history (Witten and Bell 1991, method C)."""
    totals = np.bincount(history, counts)
    types = np.bincount(history, counts > 0)
    share = np.divide(types, totals + types, out=np.zeros_like(totals), where=totals > 0)
    return Discount(counts * share[history], "Witten-Bell")
