"""Word confidences from a lattice: minimum Bayes risk statistics.

Xu, Povey, Mangu and Zhu 2011, "Minimum Bayes Risk decoding and system combination based on a
recursion for edit distance", figures 5 and 6. All paths of the lattice are aligned with the words
of a hypothesis by edit distance. The confidence of a word is the posterior of the paths that have
the same word at its position, as Kaldi's lattice-to-ctm-conf --decode-mbr=false prints it. Edit
costs are averaged over the paths into a state before the cheapest edit is chosen, which makes this
an approximation.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from asr_prune.decode.forward_backward import arc_posteriors
from asr_prune.decode.options import Point
from asr_prune.decode.trellis import Trellis

_MATCHED, _DELETED = 1, 2  # kinds of edits; 0 is an insertion


def confidences(trellis: Trellis, point: Point, words: Sequence[int]) -> list[float]:
    """The confidence of each of `words` (ids), 0 to 1; zeros for an empty lattice.

    point: LM weight and word insertion penalty that weigh the paths.
    """
    shares = arc_posteriors(trellis, point).shares
    matches = _Alignment(trellis, shares, np.array(words, np.int64)).matches()
    return matches.clip(0, 1).tolist()


def _blocks(trellis: Trellis) -> list[tuple[np.ndarray, slice]]:
    """For each level, the first arcs into its states, and all arcs into them."""
    firsts = np.append(trellis.firsts, len(trellis.source))
    bounds = zip(trellis.bounds[:-1].tolist(), trellis.bounds[1:].tolist(), strict=True)
    return [(firsts[low:high], slice(firsts[low], firsts[high])) for low, high in bounds]


class _Alignment:
    """Paths of a lattice aligned with a hypothesis of n words.

    edits: expected edits between the words on the way to a state and the first q hypothesis words,
    float64 [states, n + 1].
    """

    def __init__(self, trellis: Trellis, shares: np.ndarray, hyp: np.ndarray) -> None:
        self.trellis, self.shares, self.hyp = trellis, shares, hyp
        self.places = np.arange(len(hyp) + 1)
        self.edits = np.zeros((trellis.end + 1, len(hyp) + 1))
        self.edits[trellis.start] = self.places
        self.blocks = _blocks(trellis)
        for begins, block in self.blocks:
            into = trellis.target[begins]
            weighted = shares[block, None] * self._fewest(*self._costs(block))
            self.edits[into] = np.add.reduceat(weighted, begins - block.start, axis=0)

    def _costs(self, block: slice) -> tuple[np.ndarray, np.ndarray]:
        """Edits up to each place, float64 [arcs, n + 1], if an arc's word is inserted or paired.

        Paired: it stands for the hypothesis word at that place, infinite at place 0.
        """
        words = self.trellis.words[block, None]
        before = self.edits[self.trellis.source[block]]
        paired = np.full(before.shape, np.inf)
        paired[:, 1:] = before[:, :-1] + (words != self.hyp)
        return before + (words > 0), paired

    def _fewest(self, inserted: np.ndarray, paired: np.ndarray) -> np.ndarray:
        """Fewest edits, also with hypothesis words deleted; float64 [arcs, n + 1]."""
        relative = np.minimum(inserted, paired) - self.places
        return np.minimum.accumulate(relative, axis=1) + self.places

    def _kinds(self, block: slice) -> np.ndarray:
        """The kind of the cheapest edit at each place, int [arcs, n + 1]."""
        inserted, paired = self._costs(block)
        deleted = np.full(inserted.shape, np.inf)
        deleted[:, 1:] = self._fewest(inserted, paired)[:, :-1] + 1
        return np.argmin([inserted, paired, deleted], axis=0)

    def matches(self) -> np.ndarray:
        """Posterior of the paths with the same word at each place, float64 [n]."""
        size, trellis = len(self.places), self.trellis
        flows, matches = np.zeros((trellis.end + 1, size)), np.zeros(size)
        flows[trellis.end, -1] = 1.0
        for _, block in reversed(self.blocks):
            kinds, shares = self._kinds(block), self.shares[block]
            arriving = flows[trellis.target[block]]
            arc, place = np.nonzero(shares[:, None] * arriving)
            flow = shares[arc] * arriving[arc, place]
            undeleted = np.where(kinds != _DELETED, self.places, 0)
            landed = np.maximum.accumulate(undeleted, axis=1)[arc, place]
            matched = kinds[arc, landed] == _MATCHED
            same = matched & (trellis.words[block][arc] == np.append(0, self.hyp)[landed])
            matches += np.bincount(landed, flow * same, size)
            np.add.at(flows, (trellis.source[block][arc], landed - matched), flow)
        return matches[1:]
