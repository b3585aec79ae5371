"""Tokens and links: what the search knows of each frame.

A token is a state of the graph at a frame, with the cost of the best path there; a link is an arc
of the graph between two tokens. Those of a frame lie next to each other: first the links without
input, between tokens of the frame, then the others, to tokens of the next frame.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from asr_prune.decode.search.compiled import inner


class TokenArrays(NamedTuple):
    """state: int32; cost: of the best path, relative to its frame's offset, float32; extra: how
    much more the best path through the token costs than the best of all, float32; all [capacity].
    """

    state: np.ndarray
    cost: np.ndarray
    extra: np.ndarray


class LinkArrays(NamedTuple):
    """source, target: tokens, target -1 once removed; arc: of the graph; all int32 [capacity]."""

    source: np.ndarray
    target: np.ndarray
    arc: np.ndarray


class Frames(NamedTuple):
    """Where each frame's part begins: tokens, links without input, other links, int64 [frames + 2];
    offset: what was added to costs that leave the frame, float32 [frames].
    """

    tokens: np.ndarray
    silent: np.ndarray
    emitting: np.ndarray
    offset: np.ndarray


@inner
def new_tokens(capacity):  # type: ignore[no-untyped-def]
    """Arrays without content."""
    return TokenArrays(np.empty(capacity, np.int32), np.empty(capacity, np.float32), np.empty(capacity, np.float32))


@inner
def new_links(capacity):  # type: ignore[no-untyped-def]
    """Arrays without content."""
    return LinkArrays(np.empty(capacity, np.int32), np.empty(capacity, np.int32), np.empty(capacity, np.int32))


@inner
def tokens_with_room(tokens, count, need):  # type: ignore[no-untyped-def]
    """The first `count` tokens, in arrays with room for `need`."""
    if need <= len(tokens.state):
        return tokens
    larger = new_tokens(max(need, 2 * len(tokens.state)))
    larger.state[:count] = tokens.state[:count]
    larger.cost[:count] = tokens.cost[:count]
    larger.extra[:count] = tokens.extra[:count]
    return larger


@inner
def links_with_room(links, count, need):  # type: ignore[no-untyped-def]
    """The first `count` links, in arrays with room for `need`."""
    if need <= len(links.source):
        return links
    larger = new_links(max(need, 2 * len(links.source)))
    larger.source[:count] = links.source[:count]
    larger.target[:count] = links.target[:count]
    larger.arc[:count] = links.arc[:count]
    return larger


@inner
def token_of(tokens, lookup, state, first, count):  # type: ignore[no-untyped-def]
    """The token of `state` among those from `first` to `count`, or -1.

    lookup: the last token of each state, int32 [states]; stale entries do no harm.
    """
    found = lookup[state]
    if first <= found < count and tokens.state[found] == state:
        return found
    return -1
