"""Merging similar leaves of the same root (Kaldi: ClusterBottomUpCompartmentalized)."""

from __future__ import annotations

import numpy as np

from asr_prune.hmm.gmm import Doubles, Longs
from asr_prune.hmm.tying.likelihood import ROUNDING, log_likelihood


class Compartment:
    """Leaves that may be merged with each other; merging `pair` has the smallest `loss`."""

    def __init__(self, leaves: Longs, moments: Doubles) -> None:
        self.leaves, self.moments = leaves, moments.copy()
        self.into = np.arange(len(leaves))
        self.alive = np.ones(len(leaves), bool)
        self.loglikes = log_likelihood(self.moments)
        # row > column
        self.losses = np.full((len(leaves), len(leaves)), np.inf)
        for row in range(1, len(leaves)):
            self.losses[row, :row] = self._losses(row, np.arange(row))
        self._find()

    def merge(self) -> None:
        """Merges the pair with the smallest loss."""
        keep, gone = self.pair
        self.moments[keep] += self.moments[gone]
        self.loglikes[keep] = log_likelihood(self.moments[keep])
        self.into[gone], self.alive[gone] = keep, False
        self.losses[gone], self.losses[:, gone] = np.inf, np.inf
        others = np.flatnonzero(self.alive & (np.arange(len(self.into)) != keep))
        low, high = others[others < keep], others[others > keep]
        self.losses[keep, low] = self._losses(keep, low)
        self.losses[high, keep] = self._losses(keep, high)
        self._find()

    def mapping(self) -> Longs:
        """The new number of each leaf.

        Clusters, ordered by their last leaf, get the numbers of the first leaves.
        """
        into = self.into
        while (into[into] != into).any():
            into = into[into]
        return self.leaves[np.cumsum(self.alive)[into] - 1]

    def _losses(self, one: int, others: Longs) -> Doubles:
        together = log_likelihood(self.moments[others] + self.moments[one])
        return np.maximum(self.loglikes[others] + self.loglikes[one] - together, 0)

    def _find(self) -> None:
        best = int(self.losses.argmin())
        self.pair = divmod(best, len(self.leaves))
        self.loss = float(self.losses.flat[best])


def merge_leaves(moments: Doubles, roots: Longs, highest: float, fewest: int) -> Longs:
    """Merges leaves of the same root while the loss of log-likelihood is at most `highest`.

    The pair with the smallest loss comes first.
    moments: [leaves, 1 + 2 dim]; roots: [leaves]. Stops when `fewest` leaves with frames remain;
    leaves without frames are unchanged. Returns the new number of each leaf, int64 [leaves], with
    gaps.
    """
    seen = moments[:, 0] > 0
    members = [np.flatnonzero(seen & (roots == root)) for root in range(int(roots.max()) + 1)]
    parts = [Compartment(leaves, moments[leaves]) for leaves in members if len(leaves)]
    for _ in range(int(seen.sum()) - fewest):
        part = min(parts, key=lambda part: part.loss)
        if part.loss > highest * (1 + ROUNDING) or np.isinf(part.loss):
            break
        part.merge()
    mapping = np.arange(len(moments))
    for part in parts:
        mapping[part.leaves] = part.mapping()
    return mapping
