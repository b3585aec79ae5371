"""States of G in which nothing but backing off is left to do."""

from __future__ import annotations

from collections import Counter


def without_redundant_states(text: str, back_off: int) -> str:
    """G in OpenFst's text form without states that are not final and leave by one arc, of input label `back_off`: arcs
    to such a state go on to where it leads, at the cost of both.

    They are of n-grams that no longer one begins with (Kaldi: ArpaLmCompiler::RemoveRedundantStates). The start is the
    first line's and stays.
    """
    rows = text.strip().splitlines()
    start = rows[0].split(None, 1)[0]
    leaving = Counter(row.split(None, 1)[0] for row in rows)
    idle = {}
    for state, *rest in map(str.split, rows):
        if leaving[state] == 1 and state != start and rest[1:2] == [str(back_off)]:
            idle[state] = rest[0], _cost(rest)
    kept = (row for row in rows if row.split(None, 1)[0] not in idle)
    return "\n".join([*(_led_on(row, idle) for row in kept), ""])


def _cost(rest: list[str]) -> float:
    """The weight of an arc; OpenFst leaves out one of 0."""
    return float(rest[3]) if len(rest) > 3 else 0.0


def _led_on(row: str, idle: dict[str, tuple[str, float]]) -> str:
    state, *rest = row.split()
    if len(rest) < 3 or rest[0] not in idle:
        return row
    target, cost = rest[0], _cost(rest)
    while target in idle:
        target, more = idle[target]
        cost += more
    return f"{state} {target} {rest[1]} {rest[2]} {cost!r}"
