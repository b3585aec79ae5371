"""How far the weights that leave each state of an FST are from probabilities, and making them alike everywhere."""

from __future__ import annotations

import logging

import numpy as np

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
    sums = _sums(arrays, np.ones(len(arrays.finals)))
    with np.errstate(divide="ignore"):
        found = -np.log(sums)
    return float(found.min()), float(found.max())


def push_special(arrays: FstArrays, rounds: int = 2000) -> FstArrays:
    """The FST with weights moved along its arcs until the same sum leaves each state; no path's cost changes.

    In place of pushing to a sum of one, which back-off weights may make impossible (Kaldi: fstpushspecial). The
    potentials are the first eigenvector of the matrix of arcs, from the end back to the start, by power iteration;
    warns where it does not settle. arrays: connected.
    """
    potentials = np.ones(len(arrays.finals))
    for _ in range(rounds):
        sums = _sums(arrays, potentials)
        spread = np.log(sums / potentials)
        if np.ptp(spread) < TOLERANCE:
            break
        potentials = sums + SELF * potentials
        potentials /= potentials.max()
    else:
        log.warning("weights could not be pushed evenly: sums differ by %.3f", np.ptp(spread))
    return _moved(arrays, np.log(potentials))


def _sums(arrays: FstArrays, potentials: np.ndarray) -> np.ndarray:
    """Of what leaves each state, times the potential of where it goes, finals to the start; float64 [states]."""
    leaving = np.exp(-arrays.arcs["weight"].astype(float)) * potentials[arrays.arcs["nextstate"]]
    sums = np.bincount(arrays.sources, leaving, minlength=len(potentials))
    return sums + np.exp(-arrays.finals.astype(float)) * potentials[arrays.start]


def _moved(arrays: FstArrays, potentials: np.ndarray) -> FstArrays:
    arcs = arrays.arcs.copy()
    arcs["weight"] += (potentials[arrays.sources] - potentials[arcs["nextstate"]]).astype(np.float32)
    finals = arrays.finals + (potentials - potentials[arrays.start]).astype(np.float32)
    return FstArrays(arrays.start, finals, arrays.counts, arcs)
