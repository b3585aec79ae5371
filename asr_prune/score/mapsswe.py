"""Whether two recognisers differ by more than chance: NIST's Matched Pairs Sentence-Segment Word Error test."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

#: words in a row that both must have right for the errors before and after to count as independent
BUFFER = 2
#: segments below which the normal law is doubtful, by the usual rule of thumb
FEW = 50


@dataclass(frozen=True)
class Mapsswe:
    """Errors of a segment by the second recogniser less those by the first: their mean and standard deviation.

    deviation is None with fewer than two segments; z is None there and where all segments differ by the same number
    other than 0.
    """

    segments: int
    mean: float
    deviation: float | None
    z: float | None

    @property
    def p(self) -> float | None:
        """Chance of a |z| as large or larger where both are equally good: two-tailed, by the normal law."""
        return None if self.z is None else math.erfc(abs(self.z) / math.sqrt(2))


def _slots(ops: str) -> list[tuple[int, int]]:
    """(words inserted before it, 1 where it is wrong) for each word of the reference and for the sentence's end."""
    slots, inserted = [], 0
    for op in ops:
        if op == "I":
            inserted += 1
        else:
            slots.append((inserted, int(op != "C")))
            inserted = 0
    return [*slots, (inserted, 0)]


def segments(one: str, other: str) -> list[tuple[int, int]]:
    """The segments of a sentence in which either recogniser errs, as (errors of one, errors of other).

    one, other: ops (C, S, I, D) of the alignments of one reference. A segment ends where both have BUFFER words in a
    row right with nothing inserted between them, or with the sentence. Raises ValueError where the references differ in
    length.
    """
    found, open_errors, right = [], (0, 0), 0
    for slots in zip(_slots(one), _slots(other), strict=True):
        open_errors = (open_errors[0] + sum(slots[0]), open_errors[1] + sum(slots[1]))
        inserted, wrong = (any(slot[i] for slot in slots) for i in (0, 1))
        right = 0 if wrong else 1 if inserted else right + 1
        if right >= BUFFER and any(open_errors):
            found.append(open_errors)
            open_errors = (0, 0)
    return [*found, open_errors] if any(open_errors) else found


def mapsswe(ops: Iterable[tuple[str, str]]) -> Mapsswe:
    """The test over sentences, each the ops of its two alignments.

    Gillick and Cox, "Some statistical issues in the comparison of speech recognition algorithms", ICASSP 1989, with the
    segments of NIST's sc_stats, which subtracts the other way round. Where all differences are 0, z is 0.
    """
    differences = [second - first for pair in ops for first, second in segments(*pair)]
    n = len(differences)
    mean = sum(differences) / n if n else 0.0
    if not any(differences):
        return Mapsswe(n, mean, 0.0 if n > 1 else None, 0.0)
    if n < 2:
        return Mapsswe(n, mean, None, None)
    deviation = math.sqrt(sum((difference - mean) ** 2 for difference in differences) / (n - 1))
    return Mapsswe(n, mean, deviation, mean / (deviation / math.sqrt(n)) if deviation else None)
