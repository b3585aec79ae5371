"""Significance of a difference: NIST's Matched Pairs Sentence-Segment Word Error test."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from asr_prune.score.align import CORRECT

#: consecutive words correct in both runs that make the errors before and after independent
BUFFER = 2
#: below this number of segments the normal distribution is doubtful (rule of thumb)
FEW_SEGMENTS = 50


@dataclass(frozen=True)
class Mapsswe:
    """Errors per segment of the second recogniser minus the first: mean and standard deviation.

    deviation: None for fewer than two segments; z: None then, and if all segments differ by the
    same number other than 0.
    """

    segments: int
    mean: float
    deviation: float | None
    z: float | None

    @property
    def p(self) -> float | None:
        """Two-tailed p-value of z under the normal distribution."""
        return None if self.z is None else math.erfc(abs(self.z) / math.sqrt(2))


def _slots(ops: str) -> list[tuple[int, int]]:
    """(insertions before it, 1 if it is wrong) for each reference word and the sentence end."""
    slots, inserted = [], 0
    for op in ops:
        if op == "I":
            inserted += 1
        else:
            slots.append((inserted, int(op not in CORRECT)))
            inserted = 0
    return [*slots, (inserted, 0)]


def segments(one: str, other: str) -> list[tuple[int, int]]:
    """The segments of a sentence in which either recogniser errs, as (errors of one, of other).

    one, other: ops (C, O, S, I, D) of two alignments with the same reference. A segment ends with the
    sentence, or after BUFFER consecutive words that both have right, with no insertion between.
    Raises ValueError if the references differ in length.
    """
    closed, open_errors, right = [], (0, 0), 0
    for slots in zip(_slots(one), _slots(other), strict=True):
        open_errors = (open_errors[0] + sum(slots[0]), open_errors[1] + sum(slots[1]))
        inserted, wrong = (any(slot[i] for slot in slots) for i in (0, 1))
        right = 0 if wrong else 1 if inserted else right + 1
        if right >= BUFFER and any(open_errors):
            closed.append(open_errors)
            open_errors = (0, 0)
    return [*closed, open_errors] if any(open_errors) else closed


def mapsswe(ops: Iterable[tuple[str, str]]) -> Mapsswe:
    """The test over sentences, each given by the ops of its two alignments.

    Gillick and Cox, "Some statistical issues in the comparison of speech recognition algorithms",
    ICASSP 1989, with the segments of NIST's sc_stats, which subtracts the other way round. If all
    differences are 0, z is 0.
    """
    differences = [second - first for pair in ops for first, second in segments(*pair)]
    n = len(differences)
    mean = sum(differences) / n if n else 0.0
    if not any(differences):
        return Mapsswe(n, mean, 0.0 if n > 1 else None, 0.0)
    if n < 2:
        return Mapsswe(n, mean, None, None)
    deviation = math.sqrt(sum((difference - mean) ** 2 for difference in differences) / (n - 1))
    z = mean / (deviation / math.sqrt(n)) if deviation else None
    return Mapsswe(n, mean, deviation, z)
