"""Removing redundant back-off states from G."""

from __future__ import annotations

from collections import Counter

from asr_prune.text import fields, first_field, lines_of


def without_redundant_states(text: str, back_off: int) -> str:
    """G without states that can only back off, in OpenFst's text form.

    Such a state is not final and has one arc, of input label `back_off`; it belongs to an n-gram
    that is no prefix of a longer one (Kaldi: ArpaLmCompiler::RemoveRedundantStates). Arcs to it are
    redirected to its successor, with the sum of the costs. The start state is kept: that of the
    first line.
    """
    rows = lines_of(text.strip("\n"))
    start = first_field(rows[0])[0]
    leaving = Counter(first_field(row)[0] for row in rows)
    redundant = {}
    for state, *rest in map(fields, rows):
        if leaving[state] == 1 and state != start and rest[1:2] == [str(back_off)]:
            redundant[state] = rest[0], _cost(rest)
    kept = (row for row in rows if first_field(row)[0] not in redundant)
    return "\n".join([*(_redirected(row, redundant) for row in kept), ""])


def _cost(rest: list[str]) -> float:
    """The weight of an arc, which OpenFst omits if it is 0."""
    return float(rest[3]) if len(rest) > 3 else 0.0


def _redirected(row: str, redundant: dict[str, tuple[str, float]]) -> str:
    state, *rest = fields(row)
    if len(rest) < 3 or rest[0] not in redundant:
        return row
    target, cost = rest[0], _cost(rest)
    while target in redundant:
        target, more = redundant[target]
        cost += more
    return f"{state} {target} {rest[1]} {rest[2]} {cost!r}"
