"""How many nodes a network and its layers keep; read without torch."""

from __future__ import annotations

import math
from collections.abc import Sequence


def minima_of(sizes: Sequence[int], keep: float | None, minimum: int, floor: float) -> list[int]:
    """The fewest nodes of each layer: the larger of `minimum` and `floor * keep * size`, at most
    its size.
    """
    return [min(size, max(minimum, round(floor * (keep or 0.0) * size))) for size in sizes]


def target_of(sizes: Sequence[int], keep: float | None, minima: Sequence[int]) -> int | None:
    """How many hidden nodes `keep` requests, at least the sum of the minima; None without
    `keep`.
    """
    return None if keep is None else max(round(keep * sum(sizes)), sum(minima))


def even_counts(sizes: Sequence[int], target: int, minima: Sequence[int]) -> list[int]:
    """`target` nodes distributed over layers in proportion to their sizes, with at least `minima`
    in each.

    Nodes left over by rounding go to the layers furthest below their share, the earlier first. The
    counts add up to `target`, or to the sum of the minima if that is larger.
    """
    counts = [
        max(minimum, int(target * size / max(1, sum(sizes)))) for size, minimum in zip(sizes, minima, strict=True)
    ]
    while sum(counts) < min(target, sum(sizes)):
        missing = [
            target * size / sum(sizes) - count if count < size else -size
            for size, count in zip(sizes, counts, strict=True)
        ]
        counts[missing.index(max(missing))] += 1
    while sum(counts) > max(target, sum(minima)):
        spare = [count - minimum for count, minimum in zip(counts, minima, strict=True)]
        counts[spare.index(max(spare))] -= 1
    return counts


def enough(sizes: Sequence[int], keep: float, minimum: int, floor: float) -> float:
    """`keep`, or the next larger fraction, in steps of 0.0001, that can be had: of which the minima
    of the layers leave no more nodes than it requests, by more than 2 % and one node.
    """

    def allowed(share: float) -> float:
        nodes = round(share * sum(sizes))
        return nodes + max(1, 0.02 * nodes)

    share = keep
    while (fewest := sum(minima_of(sizes, share, minimum, floor))) > allowed(share):
        share = math.ceil(1e4 * fewest / sum(sizes)) / 1e4
    return share


def minima_told(minimum: int, floor: float) -> tuple[str, str]:
    """What leaves layers their minima, with its verb, and which of the options may be lowered."""
    if floor == 0:
        return f"min_nodes {minimum} leaves", "min_nodes"
    return f"min_nodes {minimum} and floor {floor:g} leave", "min_nodes or floor"


def check_request(sizes: Sequence[int], keep: float, minimum: int, floor: float) -> None:
    """Raises ValueError if the minima of the layers leave more nodes than `keep` requests, by more
    than 2 % and one node.
    """
    asked, least = round(keep * sum(sizes)), sum(minima_of(sizes, keep, minimum, floor))
    share = enough(sizes, keep, minimum, floor)
    if share > keep:
        minima, lower = minima_told(minimum, floor)
        raise ValueError(
            f"keep {keep:g} requests {asked} of {sum(sizes)} hidden nodes, but {minima}"
            f" at least {least} in {len(sizes)} layers; raise keep (to"
            f" {share:g}, which is {round(share * sum(sizes))} nodes) or lower {lower}"
        )


def check_input_request(count: int, keep: float, minimum: int, said: str) -> None:
    """Raises ValueError likewise, for the fraction `keep` of `count` coefficients of the input,
    which are one layer without a floor. said: how the recipe asks for them.
    """
    share = enough([count], keep, minimum, 0.0)
    if share > keep:
        raise ValueError(
            f"{said} requests {round(keep * count)} of {count} inputs, but min_nodes {minimum}"
            f" leaves at least {min(count, minimum)}; set inputs to {share:g} or more or lower min_nodes"
        )
