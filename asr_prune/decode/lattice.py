"""A lattice: all that the search kept of one utterance, to be weighed anew without another search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import kaldifst
import numpy as np

from asr_prune.decode.arrays import FstArrays
from asr_prune.decode.binary import ARC, LATTICE_ARC
from asr_prune.decode.trellis import Trellis

Point = tuple[float, float]  # LM weight, word insertion penalty


@dataclass
class Lattice:
    """arrays: transition-ids to words, acyclic; a weight is the graph's cost and the acoustic cost, unscaled, as in the
    lattices that Kaldi writes. reached_final: False where no path ended in a final state of the graph, so that the last
    frame's states all count as final.
    """

    arrays: FstArrays
    reached_final: bool = True

    def __post_init__(self) -> None:
        if self.arrays.arcs.dtype != LATTICE_ARC:
            raise ValueError("it is an FST and no lattice")

    @cached_property
    def _trellis(self) -> Trellis:
        return Trellis(self.arrays)

    def sweep(self, points: Sequence[Point]) -> list[tuple[list[int], float]]:
        """Of the cheapest path at each point: word ids, and its cost, graph + acoustics / weight + penalty * words
        (infinite where the lattice is empty). Kaldi: lattice-scale, lattice-add-penalty, lattice-best-path.
        """
        return self._trellis.sweep(points)

    def n_best(self, n: int, point: Point) -> list[tuple[list[int], float]]:
        """The `n` cheapest word sequences, no two alike, cheapest first, each with the cost of its cheapest path; fewer
        where the lattice has no more.

        Projected to words, epsilons removed and determinised first, since many of a lattice's paths say the same.
        """
        fst = self._acceptor(point)
        if fst.start < 0 or kaldifst.determinize_star(fst):
            return []
        best = kaldifst.convert_nbest_to_vector(kaldifst.shortest_path(fst, n))
        said = (kaldifst.get_linear_symbol_sequence(path) for path in best)
        return [(words, weight.value) for _, words, _, weight in said]

    def _acceptor(self, point: Point) -> kaldifst.StdVectorFst:
        """The words and their costs at one point."""
        arrays = self.arrays
        arcs = np.empty(len(arrays.arcs), ARC)
        arcs["ilabel"] = arcs["olabel"] = arrays.arcs["olabel"]
        arcs["nextstate"] = arrays.arcs["nextstate"]
        scale = np.array([1, 1 / point[0]])
        arcs["weight"] = arrays.arcs["weight"] @ scale + point[1] * (arcs["olabel"] > 0)
        return FstArrays(arrays.start, (arrays.finals @ scale).astype(np.float32), arrays.counts, arcs).fst()
