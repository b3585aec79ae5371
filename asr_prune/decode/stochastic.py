"""How far the weights that leave each state of an FST are from probabilities, and making them alike everywhere."""

from __future__ import annotations

import logging

import numpy as np
from scipy.sparse import csr_array

from asr_prune.decode.arrays import FstArrays

log = logging.getLogger(__name__)

TOLERANCE = 1e-3  # in the spread of log sums
SELF = 0.1  # share of a state's own potential in the next: keeps the iteration from oscillating


def log_sums(arrays: FstArrays) -> tuple[float, float]:
    """Least and greatest -log of the sum of probabilities that leave a state, the final one included; 0 and 0 where the
    FST is stochastic (Kaldi: fstisstochastic).
    """
    if not len(arrays.finals):
        return 0.0, 0.0
    sums = _Leaving(arrays).sums(np.ones(len(arrays.finals)))
    with np.errstate(divide="ignore"):
        found = -np.log(sums)
    return float(found.min()), float(found.max())


def push_special(arrays: FstArrays, rounds: int = 2000) -> FstArrays:
    """The FST with weights moved along its arcs until the same sum leaves each state; no path's cost changes.

    In place of pushing to a sum of one, which back-off weights may make impossible (Kaldi: fstpushspecial). The
    potentials are the first eigenvector of the matrix of arcs, from the end back to the start, by power iteration;
    warns where it does not settle. arrays: connected.
    """
    leaving, potentials = _Leaving(arrays), np.ones(len(arrays.finals))
    for _ in range(rounds):
        sums = leaving.sums(potentials)
        spread = np.log(sums / potentials)
        if np.ptp(spread) < TOLERANCE:
            break
        potentials = sums + SELF * potentials
        potentials /= potentials.max()
    else:
        log.warning("weights could not be pushed evenly: sums differ by %.3f", np.ptp(spread))
    return _moved(arrays, np.log(potentials))


class _Leaving:
    """The probabilities of an FST's arcs as a sparse matrix [states, states], and of its finals."""

    def __init__(self, arrays: FstArrays) -> None:
        ends = np.append(0, np.cumsum(arrays.counts))
        arcs = np.exp(-arrays.arcs["weight"].astype(float)), arrays.arcs["nextstate"], ends
        self.arcs = csr_array(arcs, shape=(len(arrays.finals), len(arrays.finals)))
        self.finals, self.start = np.exp(-arrays.finals.astype(float)), arrays.start

    def sums(self, potentials: np.ndarray) -> np.ndarray:
        """Of what leaves each state, times the potential of where it goes, finals to the start; float64 [states]."""
        return np.asarray(self.arcs @ potentials + self.finals * potentials[self.start])


def _moved(arrays: FstArrays, potentials: np.ndarray) -> FstArrays:
    arcs = arrays.arcs.copy()
    arcs["weight"] += (potentials[arrays.sources] - potentials[arcs["nextstate"]]).astype(np.float32)
    finals = arrays.finals + (potentials - potentials[arrays.start]).astype(np.float32)
    return FstArrays(arrays.start, finals, arrays.counts, arcs)
