"""How sure a lattice is of the words of its best path: minimum Bayes risk statistics (Xu, Povey, Mangu and Zhu 2011,
"Minimum Bayes Risk decoding and system combination based on a recursion for edit distance", figures 5 and 6).

All paths of the lattice are aligned with the words said, by edit distance. The confidence of a word is the posterior of
the paths that have the same word at its place: what Kaldi's lattice-to-ctm-conf --decode-mbr=false prints. Costs of
edits are averaged over the paths into a state before the cheapest edit is chosen, which makes this an approximation.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from asr_prune.decode.forward_backward import posteriors
from asr_prune.decode.trellis import Trellis

INSERTED, MATCHED, DELETED = 0, 1, 2


def confidences(trellis: Trellis, point: tuple[float, float], said: Sequence[int]) -> list[float]:
    """Of each word of `said` (ids), from 0 to 1; zeros where the lattice is empty.

    point: LM weight and word penalty, at which paths are weighed.
    """
    found = _Alignment(trellis, posteriors(trellis, point).shares, np.array(said, np.int64)).matches()
    return found.clip(0, 1).tolist()


class _Alignment:
    """edits: expected edits between the words on the way to a state and the first q words said, float64 [states,
    words said + 1].
    """

    def __init__(self, trellis: Trellis, shares: np.ndarray, said: np.ndarray) -> None:
        self.trellis, self.shares, self.said = trellis, shares, said
        self.places = np.arange(len(said) + 1)
        self.edits = np.zeros((trellis.end + 1, len(said) + 1))
        self.edits[trellis.start] = self.places
        firsts = np.append(trellis.firsts, len(trellis.source))
        bounds = zip(trellis.bounds[:-1].tolist(), trellis.bounds[1:].tolist(), strict=True)
        self.blocks = [(firsts[first:last], slice(firsts[first], firsts[last])) for first, last in bounds]
        for begins, block in self.blocks:
            into = trellis.target[begins]
            weighed = shares[block, None] * self._best(*self._ways(block))
            self.edits[into] = np.add.reduceat(weighed, begins - block.start, axis=0)

    def _ways(self, block: slice) -> tuple[np.ndarray, np.ndarray]:
        """Edits up to each place, float64 [arcs, words said + 1], where an arc's word is inserted, and where it stands
        for the word said there (infinite at place 0).
        """
        words, before = self.trellis.words[block, None], self.edits[self.trellis.source[block]]
        instead = np.full(before.shape, np.inf)
        instead[:, 1:] = before[:, :-1] + (words != self.said)
        return before + (words > 0), instead

    def _best(self, inserted: np.ndarray, instead: np.ndarray) -> np.ndarray:
        """Fewest edits, words said being left out where that is cheaper; [arcs, words said + 1]."""
        return np.minimum.accumulate(np.minimum(inserted, instead) - self.places, axis=1) + self.places

    def _chosen(self, block: slice) -> np.ndarray:
        """The kind of edit that is the cheapest at each place, [arcs, words said + 1]."""
        inserted, instead = self._ways(block)
        left_out = np.full(inserted.shape, np.inf)
        left_out[:, 1:] = self._best(inserted, instead)[:, :-1] + 1
        return np.argmin([inserted, instead, left_out], axis=0)

    def matches(self) -> np.ndarray:
        """Posterior of paths that have the same word at the place of each word said, float64 [words said]."""
        size, trellis = len(self.places), self.trellis
        flows, found = np.zeros((trellis.end + 1, size)), np.zeros(size)
        flows[trellis.end, -1] = 1.0
        for _, block in reversed(self.blocks):
            kinds = self._chosen(block)
            arc, place = np.nonzero(self.shares[block, None] * flows[trellis.target[block]])
            flow = self.shares[block][arc] * flows[trellis.target[block]][arc, place]
            landed = np.maximum.accumulate(np.where(kinds != DELETED, self.places, 0), axis=1)[arc, place]
            matched = kinds[arc, landed] == MATCHED
            same = matched & (trellis.words[block][arc] == np.append(0, self.said)[landed])
            found += np.bincount(landed, flow * same, size)
            np.add.at(flows, (trellis.source[block][arc], landed - matched), flow)
        return found[1:]
