"""How long a network of given widths takes on this machine: a small model of the times of its maps,
fitted to networks that were timed.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np
import torch

from asr_prune.acoustic.architectures import from_shape
from asr_prune.acoustic.network import Network
from asr_prune.acoustic.priors import log_likelihoods
from asr_prune.process import torch_threads
from asr_prune.pruning.costs import maps_of

#: utterances and frames of each, of the noise that networks are timed on
_UTTERANCES, _FRAMES = 4, 256
#: fractions of the nodes of every layer in the networks that are timed first
_SHARES = (1.0, 0.7, 0.5, 0.35, 0.25, 0.17, 0.12, 0.08, 0.05, 0.02)
#: networks that are timed then, about as fast as is asked for, whose widths differ from even ones
#: by such factors (standard deviation of the logarithm)
_NEAR, _SPREAD = 10, 0.4
#: rounds of timing, of which the fastest counts, and the seconds after which no other begins
_ROUNDS, _PATIENCE = 15, 10.0


def frame_seconds(networks: Sequence[Network], context: tuple[int, int]) -> list[float]:
    """Seconds of one thread of the processor that each network takes for a frame, in whole
    utterances as they are decoded: splicing and log-posteriors included.

    The networks take turns, so that what else the machine does weighs on all of them alike.
    """
    dim = networks[0].inputs // (sum(context) + 1)
    noise = np.random.default_rng(0).standard_normal((_UTTERANCES, _FRAMES, dim)).astype(np.float32)
    feats = {f"u{i}": frames for i, frames in enumerate(noise)}
    best, end = [math.inf] * len(networks), time.monotonic() + _PATIENCE
    with torch_threads(1):
        for turn in range(_ROUNDS):
            if turn > 1 and time.monotonic() > end:
                break
            for i, network in enumerate(networks):
                best[i] = min(best[i], _once(network, feats, context))
    return [seconds / (_UTTERANCES * _FRAMES) for seconds in best]


def _once(network: Network, feats: Mapping[str, np.ndarray], context: tuple[int, int]) -> float:
    start = time.process_time()
    list(log_likelihoods(network, torch.zeros(network.outputs), feats, context))
    return time.process_time() - start


def fitted_times(dense: Network, context: tuple[int, int], seconds: float) -> tuple[float, ...]:
    """Seconds a frame of what is there whatever the nodes, and of each row and each weight of the
    maps, for networks that are made from `dense`.

    Networks of even widths are timed first, then others near `seconds` a frame. Errors count
    relative to the time.
    """
    sizes, dice = dense.widths, np.random.default_rng(0)
    widths = [[max(1, round(share * size)) for size in sizes] for share in _SHARES]
    found = frame_seconds([_network(dense, each) for each in widths], context)

    def fit() -> np.ndarray:
        rows = np.array([_terms(dense, each) for each in widths])
        scale = rows.max(0)
        return without_negatives(rows / scale / np.array(found)[:, None], np.ones(len(found))) / scale

    near = [_near(dense, fit(), seconds, dice) for _ in range(_NEAR)]
    found += frame_seconds([_network(dense, each) for each in near], context)
    widths += near
    return tuple(fit().tolist())


def without_negatives(rows: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The least-squares solution of `rows` x = `values` without negative x, float64 [columns]: the
    best over all choices of columns whose own solution has none.
    """
    best, least = np.zeros(rows.shape[1]), math.inf
    for chosen in product((False, True), repeat=rows.shape[1]):
        x = np.zeros(rows.shape[1])
        x[list(chosen)] = np.linalg.lstsq(rows[:, list(chosen)], values, rcond=None)[0]
        error = float(((rows @ x - values) ** 2).sum())
        if (x >= 0).all() and error < least:
            best, least = x, error
    return best


def _network(dense: Network, widths: Sequence[int]) -> Network:
    return from_shape({**dense.shape(), "hidden": list(widths)})


def _terms(dense: Network, widths: Sequence[int]) -> np.ndarray:
    """What the coefficients of `fitted_times` are multiplied with."""
    counts, total = np.array(widths, float), np.array([1.0, 0.0, 0.0])
    for m in maps_of(dense.node_layers()):
        rows, columns = m.shape(counts)
        total[1:] += m.rate * rows * np.array([1, columns])
    return total


def _near(dense: Network, fitted: np.ndarray, seconds: float, dice: np.random.Generator) -> list[int]:
    """Widths of a network that takes about `seconds` a frame, other than even ones."""
    sizes = np.array(dense.widths) * np.exp(_SPREAD * dice.standard_normal(len(dense.widths)))

    def at(share: float) -> list[int]:
        return [int(min(max(1, round(share * s)), n)) for s, n in zip(sizes, dense.widths, strict=True)]

    shares = np.linspace(0.005, 2, 400)
    times = np.array([_terms(dense, at(share)) @ fitted for share in shares])
    return at(float(shares[np.abs(times - seconds).argmin()]))
