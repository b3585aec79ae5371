"""Small lattices, and all their paths by slow loops."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from asr_prune.decode.arrays import FstArrays
from asr_prune.decode.lattice import Lattice
from asr_prune.lang.binary import LATTICE_ARC

ARCS = st.lists(
    st.tuples(
        st.integers(0, 5), st.integers(1, 3), st.integers(0, 3), *[st.integers(-20, 20).map(lambda i: i / 4)] * 2
    ),
    min_size=1,
    max_size=12,
)


def lattice(arcs: list[tuple[int, int, int, float, float]], finals: dict[int, tuple[float, float]]) -> Lattice:
    """arcs: (source, target, word, graph cost, acoustic cost)."""
    states = max([arc[1] for arc in arcs] + [arc[0] for arc in arcs] + list(finals)) + 1
    ordered = sorted(arcs)
    output = np.array(
        [(1, word, (graph, acoustic), target) for _, target, word, graph, acoustic in ordered], LATTICE_ARC
    )
    ends = np.array([finals.get(state, (np.inf, np.inf)) for state in range(states)], np.float32)
    return Lattice(FstArrays(0, ends, np.bincount([arc[0] for arc in ordered], minlength=states), output))


def paths(own: Lattice, state: int | None = None) -> list[tuple[tuple[int, ...], float, float]]:
    """(words, graph cost, acoustic cost) of every path, by a slow loop."""
    arrays, at = own.arrays, own.arrays.start if state is None else state
    result = [((), *map(float, arrays.finals[at]))] if np.isfinite(arrays.finals[at]).all() else []
    for _, word, (graph, acoustic), target in arrays.arcs[arrays.sources == at].tolist():
        rest = paths(own, target)
        result += [((*([word] if word else []), *words), float(graph) + g, float(acoustic) + a) for words, g, a in rest]
    return result


def cost(path: tuple[tuple[int, ...], float, float], point: tuple[float, float]) -> float:
    words, graph, acoustic = path
    return graph + acoustic / point[0] + point[1] * len(words)
