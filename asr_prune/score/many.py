"""Many comparisons at once: Holm's correction, and groups that cannot be told apart."""

from __future__ import annotations

from collections.abc import Sequence
from string import ascii_letters

#: p-value, after correction, below which two sets of runs are told apart
LEVEL = 0.05


def holm(values: Sequence[float]) -> list[float]:
    """p-values corrected for their number, in the order given.

    Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of
    Statistics 1979: the smallest of n is multiplied by n, the next by n - 1, and so on; none may be
    below the one before it, or above 1.
    """
    corrected, least = [0.0] * len(values), 0.0
    for rank, place in enumerate(sorted(range(len(values)), key=values.__getitem__)):
        least = max(least, min(1.0, (len(values) - rank) * values[place]))
        corrected[place] = least
    return corrected


def alike(count: int, apart: set[tuple[int, int]]) -> list[list[int]]:
    """The largest groups of 0, ..., count - 1 of which no two are told apart.

    apart: pairs (i, j), i < j. Groups are sorted, and overlap: the relation is not transitive. The
    algorithm "insert and absorb" of Piepho, "An algorithm for a letter-based representation of
    all-pairwise comparisons", Journal of Computational and Graphical Statistics 2004.
    """
    groups = [frozenset(range(count))]
    for pair in sorted(apart):
        split = [group - {one} for group in groups if group.issuperset(pair) for one in pair]
        groups = [group for group in groups if not group.issuperset(pair)]
        for group in sorted(split, key=len, reverse=True):
            if not any(group <= other for other in groups):
                groups.append(group)
    return sorted(sorted(group) for group in groups)


def letters(count: int, apart: set[tuple[int, int]]) -> list[str]:
    """The letters of the groups of `alike` that each of 0, ..., count - 1 is in; two that share a
    letter cannot be told apart. After z come A to Z, then numbers in brackets.
    """
    found = [""] * count
    for number, group in enumerate(alike(count, apart)):
        letter = ascii_letters[number] if number < len(ascii_letters) else f"({number + 1})"
        for place in group:
            found[place] += letter
    return found
