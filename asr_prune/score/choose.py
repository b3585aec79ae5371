"""The alternatives of a reference that fit a hypothesis best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from asr_prune.score.alternatives import Optional, Reference, is_plain

#: errors, and sclite's costs, which decide between alternatives with as few errors (wwd_WORD)
_Cost = tuple[int, float]
_SUBSTITUTED, _MISSING = (1, 4.0), (1, 3.0)
_LEFT_OUT, _NOTHING, _FREE = (0, 2.0), (0, 0.001), (0, 0.0)


class Chosen(NamedTuple):
    """A reference without markup.

    words: those of the chosen alternatives; left_out: by word, whether it is optional and the
    hypothesis lacks it.
    """

    words: list[str]
    left_out: list[bool]

    @property
    def spoken(self) -> list[str]:
        """The words with which a hypothesis is aligned."""
        return [word for word, out in zip(self.words, self.left_out, strict=True) if not out]


class _Arc(NamedTuple):
    """From one state to a later one; word: None for none, which costs `cost`."""

    source: int
    word: str | None
    cost: _Cost


class _Step(NamedTuple):
    """The best way to a state with so many words of the hypothesis behind it."""

    cost: _Cost
    source: tuple[int, int] | None
    word: str | None
    left_out: bool


def choose(parts: Reference, hyp: Sequence[str], same: Mapping[str, str]) -> Chosen:
    """The alternatives with the fewest word errors; of several, the ones that sclite chooses.

    Words are compared after `same` (`representatives`). An optional word that the hypothesis lacks
    is no error, as with `sclite -D`. Of alternatives that sclite cannot tell apart, the first is
    taken.
    """
    if is_plain(parts):
        words = [part for part in parts if isinstance(part, str)]
        return Chosen(words, [False] * len(words))
    states: list[list[_Arc]] = [[]]
    _add(states, parts, 0)
    return _best(states, [same.get(word, word) for word in hyp], same)


def _add(states: list[list[_Arc]], parts: Reference, start: int) -> int:
    """Adds the states of `parts` after `start`; each holds the arcs that enter it. Returns the last."""
    for part in parts:
        if isinstance(part, str | Optional):
            optional = isinstance(part, Optional)
            word = part.word if isinstance(part, Optional) else part
            states.append([_Arc(start, word, _LEFT_OUT if optional else _MISSING)])
        else:
            ends = [_add(states, each, start) for each in part.alternatives]
            costs = [_FREE if each else _NOTHING for each in part.alternatives]
            states.append([_Arc(end, None, cost) for end, cost in zip(ends, costs, strict=True)])
        start = len(states) - 1
    return start


def _best(states: list[list[_Arc]], hyp: list[str], same: Mapping[str, str]) -> Chosen:
    table: list[list[_Step]] = []
    for state, arcs in enumerate(states):
        row: list[_Step] = []
        for at in range(len(hyp) + 1):
            steps = [_Step(_FREE, None, None, False)] if not state and not at else []
            steps += [step for arc in arcs for step in _steps(table, arc, at, hyp, same)]
            if at:
                steps.append(_Step(_plus(row[-1].cost, _MISSING), (state, at - 1), None, False))
            row.append(min(steps, key=lambda step: step.cost))
        table.append(row)
    step, words, left_out = table[-1][-1], list[str](), list[bool]()
    while step.source is not None:
        if step.word is not None:
            words.append(step.word)
            left_out.append(step.left_out)
        step = table[step.source[0]][step.source[1]]
    return Chosen(words[::-1], left_out[::-1])


def _steps(table: list[list[_Step]], arc: _Arc, at: int, hyp: list[str], same: Mapping[str, str]) -> list[_Step]:
    source, word = arc.source, arc.word
    without = _Step(_plus(table[source][at].cost, arc.cost), (source, at), word, arc.cost == _LEFT_OUT)
    if word is None or not at:
        return [without]
    cost = _FREE if same.get(word, word) == hyp[at - 1] else _SUBSTITUTED
    return [_Step(_plus(table[source][at - 1].cost, cost), (source, at - 1), word, False), without]


def _plus(one: _Cost, other: _Cost) -> _Cost:
    return one[0] + other[0], one[1] + other[1]
