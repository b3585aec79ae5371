"""Sets of runs on one test set: differences from a reference, and which are more than chance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TypeVar

from asr_prune.score.hierarchical import mean_interval
from asr_prune.score.many import LEVEL, holm, letters
from asr_prune.score.run_set import RunSet
from asr_prune.score.spread import Spread, spread
from asr_prune.score.student import below

_Key = TypeVar("_Key")

#: probability with which the smallest difference that can be shown is found
POWER = 0.8


@dataclass(frozen=True)
class Difference:
    """The mean WER of a set minus that of another, on the same speakers, %.

    p: two-sided, of Student's t; spread: None for one speaker, which has no p either; paired:
    whether runs on the same labels were compared with each other; one_seed: whether a set has one
    run, so that the variance of its seeds is not in the spread.
    """

    value: float
    p: float | None
    spread: Spread | None
    paired: bool
    one_seed: bool

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % interval, without correction."""
        if self.spread is None:
            return None
        half = self.spread.quantile(0.975)
        return self.value - half, self.value + half

    def shown(self, level: float) -> float | None:
        """The smallest difference that a test at `level` finds with probability POWER, %.

        None if there is no spread, or none of the errors differ.
        """
        if self.spread is None or self.spread.error == 0.0:
            return None
        return self.spread.quantile(1 - level / 2) + self.spread.quantile(POWER)


def difference(one: RunSet, other: RunSet) -> Difference:
    """`other` minus `one`, paired by speaker.

    If each run of both sets has labels of its own, and both have the same ones, runs on the same
    labels are paired as well, for what these change in both cancels out. Otherwise the runs are
    independent. Both sets have the same speakers in the same order.
    """
    paired = sorted(one.labels) == sorted(other.labels) and len(set(one.labels)) == len(one.labels)
    value, one_seed = other.wer - one.wer, min(len(one.seeds), len(other.seeds)) == 1
    speakers = one.errors.shape[1]
    if speakers < 2:
        return Difference(value, None, None, paired, one_seed)
    ours, theirs = one.deviations, other.deviations
    if paired:
        order = [one.labels.index(each) for each in other.labels]
        found = spread([theirs - ours[order]])
    else:
        found = spread([theirs, -ours])
    return Difference(value, _p(value, found, speakers), found, paired, one_seed)


def _p(value: float, found: Spread, speakers: int) -> float:
    """Without any spread: 1 for no difference, else the least that the sign test of so many
    speakers can give.
    """
    if found.error == 0.0:
        return 1.0 if value == 0.0 else 2.0 ** (1 - speakers)
    return 2 * below(found.freedom, -abs(value) / found.error)


@dataclass(frozen=True)
class SetRow:
    """A set beside the reference.

    interval: of its mean WER, None for one speaker; difference: None for the reference; p: after
    Holm's correction for the number of sets beside the reference; shown: the smallest difference
    that could be shown, at the level that the correction asks of the smallest p; letters: sets that
    share one cannot be told apart, all pairs corrected together.
    """

    runs: RunSet
    interval: tuple[float, float] | None
    difference: Difference | None
    p: float | None
    shown: float | None
    letters: str

    @property
    def told_apart(self) -> bool:
        """Whether it differs from the reference by more than chance."""
        return self.p is not None and self.p < LEVEL


def compare_sets(sets: Sequence[RunSet], reference: int, samples: int, seed: int) -> list[SetRow]:
    """The rows of `sets`, the one at `reference` being the reference; letters in the order of mean
    WER.

    samples, seed: of the bootstrap of the intervals. All sets have the same speakers in the same
    order.
    """
    pairs = {(i, j): difference(sets[i], sets[j]) for i, j in combinations(range(len(sets)), 2)}
    marks = _letters(sets, pairs)
    others = [place for place in range(len(sets)) if place != reference]
    differences = {place: difference(sets[reference], sets[place]) for place in others}
    corrected = _corrected(differences)
    level = LEVEL / max(1, len(others))
    rows = []
    for place, runs in enumerate(sets):
        own = differences.get(place)
        shown = own.shown(level) if own else None
        interval = mean_interval(runs, samples, seed)
        rows.append(SetRow(runs, interval, own, corrected.get(place), shown, marks[place]))
    return rows


def _corrected(differences: Mapping[_Key, Difference]) -> dict[_Key, float]:
    """Holm's p-values; no entry for a difference without p."""
    known = {key: each.p for key, each in differences.items() if each.p is not None}
    return dict(zip(known, holm(list(known.values())), strict=True))


def _letters(sets: Sequence[RunSet], pairs: dict[tuple[int, int], Difference]) -> list[str]:
    ranks = sorted(range(len(sets)), key=lambda place: (sets[place].wer, place))
    rank = {place: position for position, place in enumerate(ranks)}
    told = [pair for pair, p in _corrected(pairs).items() if p < LEVEL]
    apart = {(min(rank[i], rank[j]), max(rank[i], rank[j])) for i, j in told}
    by_rank = letters(len(sets), apart)
    return [by_rank[rank[place]] for place in range(len(sets))]
