"""Small lexicons and FSTs spelled out path by path."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

Spelled = tuple[tuple[int, ...], tuple[int, ...], float]


def _paths(text: str, most_words: int) -> Iterator[Spelled]:
    """(input labels, output labels, cost), epsilons left out, of an FST's paths with so many words at most."""
    arcs: dict[int, list[list[str]]] = {}
    finals: dict[int, float] = {}
    lines = [line.split() for line in text.splitlines()]
    for fields in lines:
        if len(fields) <= 2:
            finals[int(fields[0])] = float(fields[1]) if len(fields) == 2 else 0.0
        else:
            arcs.setdefault(int(fields[0]), []).append(fields)
    todo: list[tuple[int, Spelled]] = [(int(lines[0][0]), ((), (), 0.0))]
    while todo:
        state, (inputs, outputs, cost) = todo.pop()
        if state in finals:
            yield inputs, outputs, cost + finals[state]
        for _, target, ilabel, olabel, *weight in arcs.get(state, []):
            i = (*inputs, int(ilabel)) if int(ilabel) else inputs
            o = (*outputs, int(olabel)) if int(olabel) else outputs
            if len(o) <= most_words:
                todo.append((int(target), (i, o, cost + (float(weight[0]) if weight else 0.0))))


@pytest.fixture(scope="session")
def paths() -> Callable[[str, int], list[Spelled]]:
    return lambda text, most_words: list(_paths(text, most_words))


@pytest.fixture
def lexicon(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        path = tmp_path / "lexicon.txt"
        path.write_text(text, encoding="utf-8")
        return path

    return write
