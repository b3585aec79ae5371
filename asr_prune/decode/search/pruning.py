"""Removal of tokens and links that no path within the lattice beam uses.

Kaldi: PruneForwardLinks, PruneForwardLinksFinal, PruneActiveTokens and FinalizeDecoding of
lattice-faster-decoder.cc.
"""

from __future__ import annotations

import numpy as np

from asr_prune.decode.search.compiled import inner

#: changes of final extra costs that Kaldi takes as none
_NONE = np.float32(1e-5)


@inner
def prune_links(graph, scores, tokens, links, frames, frame, beam, delta):  # type: ignore[no-untyped-def]
    """Removes the links of a frame beyond the lattice beam and finds its tokens' extra costs.

    Returns whether any extra cost changed by more than `delta`, and whether a link was removed.
    """
    first, last = frames.tokens[frame], frames.tokens[frame + 1]
    before, begin = tokens.extra[first:last].copy(), np.full(last - first, np.float32(np.inf))
    removed = _emitting_extras(graph, scores, tokens, links, frames, frame, beam, begin)
    return _settle(graph, tokens, links, frames, frame, beam, delta, begin, before, removed)


@inner
def prune_final(graph, tokens, links, frames, frame, beam):  # type: ignore[no-untyped-def]
    """The last frame's extra costs, from the costs of ending there. Returns whether a token is
    final.
    """
    first, last = frames.tokens[frame], frames.tokens[frame + 1]
    ends = graph.final[tokens.state[first:last]]
    final = bool(np.isfinite(ends).any())
    begin = tokens.cost[first:last] + (ends if final else np.zeros(last - first, np.float32))
    begin -= begin.min()
    before = np.full(last - first, np.float32(np.inf))
    _settle(graph, tokens, links, frames, frame, beam, _NONE, begin, before, False)
    extra = tokens.extra[first:last]
    extra[extra > beam] = np.inf
    return final


@inner
def _emitting_extras(graph, scores, tokens, links, frames, frame, beam, extras):  # type: ignore[no-untyped-def]
    """Lowers `extras` [tokens of the frame] by links to the next frame; True if one was removed."""
    removed, first, row = False, frames.tokens[frame], scores[frame]
    for link in range(frames.emitting[frame], frames.silent[frame + 1]):
        source, target, arc = links.source[link], links.target[link], links.arc[link]
        if target < 0:
            continue
        cost = tokens.cost[source] + (frames.offset[frame] - row[graph.pdf[arc]]) + graph.weight[arc]
        extra = max(tokens.extra[target] + (cost - tokens.cost[target]), np.float32(0))
        if extra > beam:
            links.target[link], removed = -1, True
        else:
            extras[source - first] = min(extras[source - first], extra)
    return removed


@inner
def _settle(graph, tokens, links, frames, frame, beam, delta, begin, before, removed):  # type: ignore[no-untyped-def]
    """Lets extra costs run through the links without input of a frame until they stay."""
    first = frames.tokens[frame]
    current = tokens.extra[first : frames.tokens[frame + 1]]
    current[:] = begin
    changed = True
    while changed:
        changed = False
        for link in range(frames.emitting[frame] - 1, frames.silent[frame] - 1, -1):
            source, target, arc = links.source[link], links.target[link], links.arc[link]
            if target < 0:
                continue
            cost = tokens.cost[source] + graph.weight[arc]
            extra = max(tokens.extra[target] + (cost - tokens.cost[target]), np.float32(0))
            if extra <= beam and extra < current[source - first]:
                current[source - first], changed = extra, True
    for link in range(frames.silent[frame], frames.emitting[frame]):
        source, target, arc = links.source[link], links.target[link], links.arc[link]
        if target >= 0:
            cost = tokens.cost[source] + graph.weight[arc]
            if tokens.extra[target] + (cost - tokens.cost[target]) > beam:
                links.target[link], removed = -1, True
    moved = False
    for token in range(len(before)):
        same = before[token] == current[token]  # infinity is infinity
        if not same and not abs(current[token] - before[token]) <= delta:
            moved = True
    return moved, removed


@inner
def close_gaps(tokens, links, frames, low, high):  # type: ignore[no-untyped-def]
    """Closes the gaps of frames `low` to `high`, the last one. Returns how many tokens and links
    stay.

    Tokens whose extra cost is infinite and links without a target are gaps; the last frame's tokens
    stay.
    """
    base, end = frames.tokens[low], frames.tokens[high + 1]
    renamed = np.empty(end - base, np.int32)
    count = base
    for frame in range(low, high + 1):
        first, last = frames.tokens[frame], frames.tokens[frame + 1]
        frames.tokens[frame] = count
        for token in range(first, last):
            renamed[token - base] = count
            if tokens.extra[token] < np.inf:
                tokens.state[count], tokens.cost[count] = tokens.state[token], tokens.cost[token]
                tokens.extra[count] = tokens.extra[token]
                count += 1
    frames.tokens[high + 1] = count
    return count, _close_link_gaps(links, frames, low, high, base, renamed)


@inner
def _close_link_gaps(links, frames, low, high, base, renamed):  # type: ignore[no-untyped-def]
    start = max(low - 1, 0)
    count = frames.silent[start]
    for frame in range(start, high + 1):
        bounds = (frames.silent[frame], frames.emitting[frame], frames.silent[frame + 1])
        frames.silent[frame] = count
        for part in range(2):
            if part:
                frames.emitting[frame] = count
            for link in range(bounds[part], bounds[part + 1]):
                source, target = links.source[link], links.target[link]
                if target < 0:
                    continue
                links.source[count] = renamed[source - base] if source >= base else source
                links.target[count] = renamed[target - base] if target >= base else target
                links.arc[count] = links.arc[link]
                count += 1
    frames.silent[high + 1] = count
    return count
