"""From one frame to the next: which tokens go on, and what they reach.

Kaldi: GetCutoff, ProcessEmitting and ProcessNonemitting of lattice-faster-decoder.cc.
"""

from __future__ import annotations

import numpy as np

from asr_prune.decode.search.compiled import inner
from asr_prune.decode.search.tokens import links_with_room, token_of, tokens_with_room

#: updates of tokens of one frame by arcs without input, per token of it, beyond which a cycle of
#: negative cost must be the cause
_UPDATES = 1000


@inner
def cutoff_of(costs, beam, max_active, min_active, beam_delta):  # type: ignore[no-untyped-def]
    """The cost beyond which tokens do not go on, and the beam that it stands for.

    costs: of the tokens of a frame, float32; at most `max_active` tokens go on, and at least
    `min_active` if there are as many (Kaldi: GetCutoff).
    """
    best = costs.min()
    within = np.sum(costs < best + beam)
    if within > max_active:
        cutoff = np.partition(costs, max_active)[max_active]
        return cutoff, cutoff - best + beam_delta
    if within <= min_active < len(costs):
        cutoff = np.partition(costs, min_active)[min_active] if min_active else best
        if cutoff > best + beam:
            return cutoff, cutoff - best + beam_delta
    return best + beam, beam


@inner
def first_bound(graph, scores, tokens, best, offset, beam):  # type: ignore[no-untyped-def]
    """What the best token's followers cost, plus the beam: a bound before any other token."""
    state, bound = tokens.state[best], np.float32(np.inf)
    for arc in range(graph.emitting[state], graph.begin[state + 1]):
        cost = tokens.cost[best] + (offset - scores[graph.pdf[arc]]) + graph.weight[arc]
        bound = min(bound, cost + beam)
    return bound


@inner
def emit(graph, scores, tokens, links, lookup, first, count, linked, offset, cutoff, beam, bound):  # type: ignore[no-untyped-def]
    """Tokens of the next frame. Returns tokens, links, how many of each, and the next frame's
    bound.

    scores: scaled log-likelihoods of the frame, float32 [pdfs]; first, count: the frame's tokens;
    linked: links so far.
    """
    last, most = count, 0
    for token in range(first, last):
        if tokens.cost[token] <= cutoff:
            state = tokens.state[token]
            most += graph.begin[state + 1] - graph.emitting[state]
    tokens = tokens_with_room(tokens, count, count + min(most, len(graph.final)))
    links = links_with_room(links, linked, linked + most)
    for token in range(first, last):
        if tokens.cost[token] > cutoff:
            continue
        here, state = tokens.cost[token], tokens.state[token]
        for arc in range(graph.emitting[state], graph.begin[state + 1]):
            cost = here + (offset - scores[graph.pdf[arc]]) + graph.weight[arc]
            if cost >= bound:
                continue
            bound = min(bound, cost + beam)
            target = graph.target[arc]
            found = token_of(tokens, lookup, target, last, count)
            if found < 0:
                found, count = count, count + 1
                lookup[target] = found
                tokens.state[found], tokens.cost[found], tokens.extra[found] = target, cost, 0
            elif cost < tokens.cost[found]:
                tokens.cost[found] = cost
            links.source[linked], links.target[linked], links.arc[linked] = token, found, arc
            linked += 1
    return tokens, links, count, linked, bound


@inner
def close(graph, tokens, lookup, waiting, first, count, bound):  # type: ignore[no-untyped-def]
    """Follows arcs without input among the tokens of a frame. Returns tokens, their number, the
    stack `waiting` for the next call, and False if costs fall for ever.
    """
    size, updates = 0, 0
    waiting = _stack_with_room(waiting, 0, count - first)
    for token in range(first, count):
        if graph.emitting[tokens.state[token]] > graph.begin[tokens.state[token]]:
            waiting[size] = token
            size += 1
    while size:
        size -= 1
        token = waiting[size]
        if tokens.cost[token] > bound:
            continue
        state = tokens.state[token]
        for arc in range(graph.begin[state], graph.emitting[state]):
            cost, target = tokens.cost[token] + graph.weight[arc], graph.target[arc]
            if cost >= bound:
                continue
            found = token_of(tokens, lookup, target, first, count)
            if found >= 0 and cost >= tokens.cost[found]:
                continue
            if found < 0:
                tokens = tokens_with_room(tokens, count, count + 1)
                found, count = count, count + 1
                lookup[target], tokens.state[found], tokens.extra[found] = found, target, 0
            tokens.cost[found] = cost
            updates += 1
            if graph.emitting[target] > graph.begin[target]:
                waiting = _stack_with_room(waiting, size, size + 1)
                waiting[size] = found
                size += 1
        if updates > _UPDATES * (count - first + 1000):
            return tokens, count, waiting, False
    return tokens, count, waiting, True


@inner
def link_silent(graph, tokens, links, lookup, first, count, linked, bound):  # type: ignore[no-untyped-def]
    """Links of arcs without input among the closed tokens of a frame. Returns links and their
    number.
    """
    for token in range(first, count):
        here, state = tokens.cost[token], tokens.state[token]
        if here > bound:
            continue
        links = links_with_room(links, linked, linked + graph.emitting[state] - graph.begin[state])
        for arc in range(graph.begin[state], graph.emitting[state]):
            if here + graph.weight[arc] < bound:
                links.source[linked], links.arc[linked] = token, arc
                links.target[linked] = lookup[graph.target[arc]]
                linked += 1
    return links, linked


@inner
def _stack_with_room(stack, size, need):  # type: ignore[no-untyped-def]
    if need <= len(stack):
        return stack
    larger = np.empty(max(need, 2 * len(stack)), np.int32)
    larger[:size] = stack[:size]
    return larger
