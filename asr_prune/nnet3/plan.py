"""Which frames of each node an utterance needs, as nnet3 computes it.

At the edges of an utterance the first and the last frame of the *input* are repeated, as far as the
context of the model reaches; nodes are computed there as everywhere. Kaldi: nnet3/nnet-utils.cc
(ComputeSimpleNnetContext), decodable-simple-looped.h, nnet-descriptor.h.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from asr_prune.nnet3.descriptor import Descriptor

#: a node, and what it reads; None for an input
Steps = Sequence[tuple[str, Descriptor | None]]
Times = np.ndarray


@dataclass(frozen=True)
class FrameLeaf:
    """A place where an expression names a node: the rows of that node's frames, int64 [frames], and
    which of them exist, boolean [frames], None if all do.
    """

    source: str
    rows: np.ndarray
    exists: np.ndarray | None


@dataclass(frozen=True)
class FramePlan:
    """For an utterance: frames of each node, and the leaves of what each node reads, in the order
    in which they are written. inputs: for each input the frames of the utterance, int64
    [frames]; outputs: frames of the output.
    """

    counts: Mapping[str, int]
    leaves: Mapping[str, list[FrameLeaf]]
    inputs: Mapping[str, np.ndarray]
    outputs: int


def shifted(source: Descriptor, times: Times) -> Times:
    """The times that the part of an expression is read at, for those of the expression."""
    if source.kind == "Offset":
        return times + int(source.values[0])
    if source.kind == "Round":
        modulus = int(source.values[0])
        return times // modulus * modulus
    if source.kind == "ReplaceIndex" and source.values[0] == "t":
        return np.full_like(times, int(source.values[1]))
    return times


def context_of(steps: Steps) -> tuple[int, int]:
    """Frames to the left and right that an output at time 0 cannot do without.

    Of the parts of a Failover it needs the one with the least context.
    """
    chosen: list[tuple[str, Descriptor | None]] = []
    for name, reads in steps:
        chosen.append((name, _least(reads, chosen) if reads else None))
    return _context(chosen)


def _least(source: Descriptor, steps: Steps) -> Descriptor:
    parts = tuple(_least(part, steps) for part in source.parts)
    if source.kind == "Failover":
        return min(parts, key=lambda part: sum(_context([*steps, ("", part)])))
    return Descriptor(source.kind, parts, source.values, source.name)


def _context(steps: Steps) -> tuple[int, int]:
    found = _requests(steps, np.zeros(1, np.int64), lambda kind: kind == "IfDefined")
    frames = np.concatenate([np.zeros(1, np.int64), *(found[name] for name, reads in steps if reads is None)])
    return -int(frames.min()), int(frames.max())


def plan_of(steps: Steps, frames: int, stride: int, context: tuple[int, int], free: frozenset[str]) -> FramePlan:
    """The plan of an utterance of `frames` feature frames, with an output each `stride` frames.

    context: of the model; free: inputs that are read at the time of the node that reads them,
    whatever a ReplaceIndex says: i-vectors, of which there is one for each frame.
    """
    steps = [(name, _freed(reads, free) if reads else None) for name, reads in steps]
    times = _requests(steps, np.arange(0, frames, stride), lambda kind: False)
    exists: dict[str, np.ndarray] = {}
    leaves: dict[str, list[FrameLeaf]] = {}
    for name, reads in steps:
        if reads is None:
            at = times[name]
            exists[name] = np.ones(len(at), bool)
            if name not in free:
                exists[name] = (at >= -context[0]) & (at < frames + context[1])
            continue
        leaves[name] = list(_leaves(reads, times[name], times, exists))
        exists[name] = _defined(reads, iter(leaves[name]), len(times[name]))
    counts = {name: len(at) for name, at in times.items()}
    inputs = {name: times[name].clip(0, frames - 1) for name, reads in steps if reads is None}
    return FramePlan(counts, leaves, inputs, counts[steps[-1][0]])


def _freed(reads: Descriptor, free: frozenset[str]) -> Descriptor:
    if reads.kind == "ReplaceIndex" and reads.parts[0].kind == "node" and reads.parts[0].name in free:
        return reads.parts[0]
    return Descriptor(reads.kind, tuple(_freed(part, free) for part in reads.parts), reads.values, reads.name)


def _requests(steps: Steps, outputs: Times, left_out: Callable[[str], bool]) -> dict[str, Times]:
    """The times at which each node is needed for the last one at `outputs`, sorted."""
    wanted: dict[str, list[Times]] = {name: [] for name, _ in steps}
    wanted[steps[-1][0]].append(outputs)
    times: dict[str, Times] = {}
    for name, reads in reversed(steps):
        times[name] = np.unique(np.concatenate([np.zeros(0, np.int64), *wanted[name]]))
        if reads is not None:
            for source, at in _times(reads, times[name], left_out):
                wanted[source].append(at)
    return times


def _times(source: Descriptor, at: Times, left_out: Callable[[str], bool]) -> Iterator[tuple[str, Times]]:
    if left_out(source.kind):
        return
    if source.kind == "node":
        yield source.name, at
    for part in source.parts:
        yield from _times(part, shifted(source, at), left_out)


def _leaves(
    source: Descriptor, at: Times, times: Mapping[str, Times], exists: Mapping[str, np.ndarray]
) -> Iterator[FrameLeaf]:
    for name, when in _times(source, at, lambda kind: False):
        rows = np.searchsorted(times[name], when)
        there = exists[name][rows]
        yield FrameLeaf(name, rows, None if there.all() else there)


def _defined(source: Descriptor, leaves: Iterator[FrameLeaf], count: int) -> np.ndarray:
    """Whether an expression can be computed, boolean [frames]; takes its leaves from `leaves`."""
    if source.kind == "node":
        there = next(leaves).exists
        return np.ones(count, bool) if there is None else there
    parts = [_defined(part, leaves, count) for part in source.parts]
    if source.kind in ("IfDefined", "Const"):
        return np.ones(count, bool)
    return np.logical_or.reduce(parts) if source.kind == "Failover" else np.logical_and.reduce(parts)
