"""The search of one utterance, frame by frame (Kaldi: LatticeFasterDecoder::Decode)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from asr_prune.decode.options import DecodeOptions
from asr_prune.decode.search.compiled import announced, inner, kept
from asr_prune.decode.search.expansion import close, cutoff_of, emit, first_bound, link_silent
from asr_prune.decode.search.graph import SearchGraph
from asr_prune.decode.search.pruning import close_gaps, prune_final, prune_links
from asr_prune.decode.search.tokens import Frames, LinkArrays, TokenArrays, new_links, new_tokens

_ROOM = 1 << 12  # tokens and links to begin with

#: how a search ended
FINAL, PARTIAL, NO_PATH, ENDLESS = range(4)
#: changes of extra costs, as a share of the lattice beam, that are not followed meanwhile
_PRUNE_SCALE = 0.1


class Limits(NamedTuple):
    """The options of the search, as `DecodeOptions` describes them.

    beam, lattice_beam, beam_delta: float32; change: of extra costs, float32.
    """

    beam: np.float32
    lattice_beam: np.float32
    beam_delta: np.float32
    change: np.float32
    max_active: int
    min_active: int
    prune_interval: int

    @classmethod
    def of(cls, options: DecodeOptions, lattice_beam: float) -> Limits:
        beam, delta = np.float32(options.beam), np.float32(options.beam_delta)
        change = np.float32(_PRUNE_SCALE * lattice_beam)
        counts = options.max_active, options.min_active, options.prune_interval
        return cls(beam, np.float32(lattice_beam), delta, change, *counts)


class Found(NamedTuple):
    """What `search` returns. status: FINAL, PARTIAL (no path ends in a final state), NO_PATH or
    ENDLESS (a cycle of negative cost, without input).
    """

    status: int
    tokens: TokenArrays
    links: LinkArrays
    frames: Frames


@kept
def search(graph, start, scores, limits, lookup):  # type: ignore[no-untyped-def]
    """Tokens and links of all paths within the lattice beam.

    graph: SearchGraph; start: state; scores: scaled log-likelihoods, float32 [frames, pdfs];
    limits: Limits; lookup: int32 [states], its content does not matter. Returns the fields of
    Found; only tokens and links up to the last entries of its frames have a meaning.
    """
    length = len(scores)
    tokens, links, count, linked = new_tokens(_ROOM), new_links(_ROOM), 1, 0
    starts = (np.zeros(length + 2, np.int64), np.zeros(length + 2, np.int64), np.zeros(length + 2, np.int64))
    frames = Frames(starts[0], starts[1], starts[2], np.zeros(length, np.float32))
    tokens.state[0], tokens.cost[0], tokens.extra[0], lookup[start] = start, 0, 0, 0
    waiting, dirty, bound = np.empty(_ROOM, np.int32), np.ones(length + 1, np.bool_), limits.beam
    for frame in range(length + 1):
        first = frames.tokens[frame]
        tokens, count, waiting, falls = close(graph, tokens, lookup, waiting, first, count, bound)
        if not falls:
            return ENDLESS, tokens, links, frames
        frames.tokens[frame + 1], frames.silent[frame] = count, linked
        links, linked = link_silent(graph, tokens, links, lookup, first, count, linked, bound)
        frames.emitting[frame] = frames.silent[frame + 1] = linked
        if count == first:
            return NO_PATH, tokens, links, frames
        if frame == length:
            break
        if frame and frame % limits.prune_interval == 0:
            low = _prune(graph, scores, tokens, links, frames, frame, limits.lattice_beam, limits.change, dirty)
            count, linked = close_gaps(tokens, links, frames, low, frame)
        tokens, links, count, linked, bound = _advance(
            graph, scores[frame], tokens, links, frames, frame, limits, lookup, count, linked
        )
        frames.silent[frame + 1] = linked
    final = prune_final(graph, tokens, links, frames, length, limits.lattice_beam)
    dirty[:] = True
    _prune(graph, scores, tokens, links, frames, length, limits.lattice_beam, np.float32(0), dirty)
    close_gaps(tokens, links, frames, 0, length)
    return FINAL if final else PARTIAL, tokens, links, frames


@inner
def _advance(graph, row, tokens, links, frames, frame, limits, lookup, count, linked):  # type: ignore[no-untyped-def]
    """Tokens of the next frame: what `emit` returns. row: scores of this one."""
    first = frames.tokens[frame]
    costs = tokens.cost[first:count]
    best = np.argmin(costs)
    offset = frames.offset[frame] = -costs[best]
    cutoff, beam = cutoff_of(costs, limits.beam, limits.max_active, limits.min_active, limits.beam_delta)
    bound = first_bound(graph, row, tokens, first + best, offset, beam)
    return emit(graph, row, tokens, links, lookup, first, count, linked, offset, cutoff, beam, bound)


@inner
def _prune(graph, scores, tokens, links, frames, end, beam, delta, dirty):  # type: ignore[no-untyped-def]
    """Prunes the links of the frames before `end`, last first, where something has changed.

    Returns the first frame that has gaps now, or `end`.
    """
    low = end
    for frame in range(end - 1, -1, -1):
        if not dirty[frame]:
            continue
        moved, removed = prune_links(graph, scores, tokens, links, frames, frame, beam, delta)
        dirty[frame] = False
        if removed or moved:
            low = frame
        if moved and frame:
            dirty[frame - 1] = True
    return low


def prepare_search() -> None:
    """Compiles `search`, or loads what an earlier process has compiled."""
    arcs, states = np.zeros(0, np.int32), np.zeros(1, np.int64)
    graph = SearchGraph(np.zeros(2, np.int64), states, arcs, arcs, arcs.astype(np.float32), np.zeros(1, np.float32))
    one = np.float32(1)
    with announced():
        search(graph, 0, np.zeros((1, 1), np.float32), Limits(one, one, one, one, 2, 0, 1), np.zeros(1, np.int32))
