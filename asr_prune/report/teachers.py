"""The teachers of runs that differ in their seed."""

from __future__ import annotations

from collections.abc import Sequence

from asr_prune.report.results import Result


def teachers_by_seed(rows: Sequence[Result]) -> list[tuple[str, ...]]:
    """The teachers of each run, equal for runs that differ in their seed alone: a teacher of the
    run's own seed is named without it, unless runs of other seeds have the same teachers.
    """
    seeds: dict[tuple[str, ...], set[int]] = {}
    for row in rows:
        seeds.setdefault(row.teachers, set()).add(row.seed)
    return [row.teachers if len(seeds[row.teachers]) > 1 else _without_seed(row) for row in rows]


def _without_seed(row: Result) -> tuple[str, ...]:
    return tuple(name.removesuffix(f"-s{row.seed}") for name in row.teachers)


def told_teachers(teachers: Sequence[str]) -> str:
    """Teachers in a few words, by the first of them."""
    if not teachers:
        return "none"
    more = f" and {len(teachers) - 1} more" if len(teachers) > 1 else ""
    return teachers[0].rpartition("/")[2] + more
