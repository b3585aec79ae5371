"""Stochasticity of an FST: sums of the probabilities that leave its states, and weight pushing."""

from __future__ import annotations

import logging

import numpy as np
from scipy.sparse import csr_array

from asr_prune.decode.arrays import FstArrays

log = logging.getLogger(__name__)

_TOLERANCE = 1e-3  # of the spread of log sums
_SELF = 0.1  # weight of a state's potential in its next one; keeps the iteration from oscillating


def log_sums(arrays: FstArrays) -> tuple[float, float]:
    """Smallest and largest -log of the summed probabilities that leave a state, final included.

    Both are 0 for a stochastic FST (Kaldi: fstisstochastic).
    """
    if not len(arrays.finals):
        return 0.0, 0.0
    sums = _Leaving(arrays).sums(np.ones(len(arrays.finals)))
    with np.errstate(divide="ignore"):
        logs = -np.log(sums)
    return float(logs.min()), float(logs.max())


def push_special(arrays: FstArrays, rounds: int = 2000) -> FstArrays:
    """The FST with weights pushed until the same sum leaves each state; path costs do not change.

    Replaces pushing to a sum of one, which back-off weights may make impossible (Kaldi:
    fstpushspecial). The potentials are the first eigenvector of the arc matrix, with arcs from the
    final states back to the start, by power iteration; warns if it does not converge. arrays:
    connected.
    """
    leaving, potentials = _Leaving(arrays), np.ones(len(arrays.finals))
    for _ in range(rounds):
        sums = leaving.sums(potentials)
        spread = np.log(sums / potentials)
        if np.ptp(spread) < _TOLERANCE:
            break
        potentials = sums + _SELF * potentials
        potentials /= potentials.max()
    else:
        log.warning("weights could not be pushed evenly: sums differ by %.3f", np.ptp(spread))
    return _moved(arrays, np.log(potentials))


class _Leaving:
    """The probabilities of arcs as a sparse matrix [states, states], and of final states."""

    def __init__(self, arrays: FstArrays) -> None:
        ends = np.append(0, np.cumsum(arrays.counts))
        arcs = np.exp(-arrays.arcs["weight"].astype(float)), arrays.arcs["nextstate"], ends
        self.arcs = csr_array(arcs, shape=(len(arrays.finals), len(arrays.finals)))
        self.finals, self.start = np.exp(-arrays.finals.astype(float)), arrays.start

    def sums(self, potentials: np.ndarray) -> np.ndarray:
        """Sum of probability times target potential over what leaves each state, [states]."""
        return np.asarray(self.arcs @ potentials + self.finals * potentials[self.start])


def _moved(arrays: FstArrays, potentials: np.ndarray) -> FstArrays:
    arcs = arrays.arcs.copy()
    changes = potentials[arrays.sources] - potentials[arcs["nextstate"]]
    arcs["weight"] += changes.astype(np.float32)
    finals = arrays.finals + (potentials - potentials[arrays.start]).astype(np.float32)
    return FstArrays(arrays.start, finals, arrays.counts, arcs)
