"""A lattice: the paths that a search kept, to be rescored without another search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

from asr_prune.decode.arrays import FstArrays
from asr_prune.decode.confidence import confidences
from asr_prune.decode.n_best import NBest
from asr_prune.decode.options import Point
from asr_prune.decode.trellis import Trellis
from asr_prune.lang.binary import LATTICE_ARC


@dataclass
class Lattice:
    """The lattice of one utterance.

    arrays: transition-ids to words, acyclic; weights are graph cost and unscaled acoustic cost, as
    in Kaldi's lattices; reached_final: False if no path ends in a final state of the graph, so that
    all states of the last frame count as final. Raises ValueError if `arrays` is not a lattice.
    """

    arrays: FstArrays
    reached_final: bool = True

    def __post_init__(self) -> None:
        if self.arrays.arcs.dtype != LATTICE_ARC:
            raise ValueError("it is an FST, not a lattice")

    @cached_property
    def trellis(self) -> Trellis:
        return Trellis(self.arrays)

    def sweep(self, points: Sequence[Point]) -> list[tuple[list[int], float]]:
        """Word ids and cost of the best path at each point; infinite cost for an empty lattice.

        cost = graph + acoustic / LM weight + word insertion penalty * words. Kaldi: lattice-scale,
        lattice-add-penalty, lattice-best-path.
        """
        return self.trellis.sweep(points)

    def n_best(self, n: int, point: Point) -> list[tuple[list[int], float]]:
        """Up to `n` distinct word sequences, best first, each with the cost of its best path."""
        return list(islice(NBest(self.trellis, point), n))

    def confidences(self, words: Sequence[int], point: Point) -> list[float]:
        """The confidence of each of `words` (ids, its best path) at `point`, 0 to 1."""
        return confidences(self.trellis, point, words)
