"""The decoding graph as the search reads it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from asr_prune.decode.arrays import FstArrays


class SearchGraph(NamedTuple):
    """Arcs ordered by state, those without input first.

    begin: first arc of each state, int64 [states + 1]; emitting: first arc with input of each
    state, int64 [states]; target: int32 [arcs]; pdf: int32 [arcs], -1 without input; weight: graph
    cost, float32 [arcs]; final: cost of ending, float32 [states], infinite for states that are not
    final.
    """

    begin: np.ndarray
    emitting: np.ndarray
    target: np.ndarray
    pdf: np.ndarray
    weight: np.ndarray
    final: np.ndarray


def search_graph(arrays: FstArrays, pdfs: np.ndarray) -> tuple[SearchGraph, np.ndarray]:
    """The graph, and the number in `arrays` of each of its arcs, int64 [arcs].

    arrays: transition-ids to words, with the start state; pdfs: the pdf of each arc's
    transition-id, -1 without one, int32 [arcs].
    """
    order = np.lexsort((pdfs >= 0, arrays.sources))
    arcs, ordered = arrays.arcs[order], np.ascontiguousarray(pdfs[order])
    begin = np.concatenate([[0], np.cumsum(arrays.counts)]).astype(np.int64)
    silent = np.concatenate([[0], np.cumsum(ordered < 0)])
    emitting = begin[:-1] + np.diff(silent[begin])
    columns = (np.ascontiguousarray(arcs[name]) for name in ("nextstate", "weight"))
    target, weight = columns
    return SearchGraph(begin, emitting, target, ordered, weight, arrays.finals), order
