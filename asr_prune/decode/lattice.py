"""A lattice: all that the search kept of one utterance, to be weighed anew without another search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

from asr_prune.decode.arrays import FstArrays
from asr_prune.decode.binary import LATTICE_ARC
from asr_prune.decode.confidence import confidences
from asr_prune.decode.n_best import NBest
from asr_prune.decode.options import Point
from asr_prune.decode.trellis import Trellis


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
        where the lattice has no more. Many of a lattice's paths say the same words.
        """
        return list(islice(NBest(self._trellis, point), n))

    def confidences(self, said: Sequence[int], point: Point) -> list[float]:
        """How sure the lattice is, at `point`, of each word of its best path `said` (ids), from 0 to 1."""
        return confidences(self._trellis, point, said)
