"""The lattice of a finished search (Kaldi: GetRawLattice)."""

from __future__ import annotations

import numpy as np

from asr_prune.decode.arrays import FstArrays
from asr_prune.decode.search.graph import SearchGraph
from asr_prune.decode.search.run import ENDLESS, NO_PATH, PARTIAL, Found
from asr_prune.lang.binary import LATTICE_ARC


def lattice_arrays(
    graph: SearchGraph,
    labels: np.ndarray,
    loglikes: np.ndarray,
    found: Found,
) -> FstArrays:
    """A state for each token and an arc for each link, with graph and unscaled acoustic costs.

    labels: transition-id and word of each arc of the graph, int32 [arcs, 2]; loglikes: float32
    [frames, pdfs]. Of an unfinished search every token of the last frame is final at no cost;
    without a path there is no state.
    """
    if found.status in (NO_PATH, ENDLESS):
        return FstArrays(-1, np.zeros((0, 2), np.float32), np.zeros(0, np.int64), np.zeros(0, LATTICE_ARC))
    status, tokens, links, frames = found
    count, linked = int(frames.tokens[-1]), int(frames.silent[-1])
    order = np.argsort(links.source[:linked], kind="stable")
    source, arc = links.source[:linked][order], links.arc[:linked][order]
    arcs = np.zeros(linked, LATTICE_ARC)
    arcs["ilabel"], arcs["olabel"] = labels[arc].T
    arcs["nextstate"], arcs["weight"][:, 0] = links.target[:linked][order], graph.weight[arc]
    emits = graph.pdf[arc] >= 0
    frame = np.searchsorted(frames.tokens, source[emits], side="right") - 1
    arcs["weight"][emits, 1] = -loglikes[frame, graph.pdf[arc[emits]]]
    finals = np.full((count, 2), np.inf, np.float32)
    last = slice(int(frames.tokens[-2]), count)
    ends = graph.final[tokens.state[last]]
    finals[last, 0] = 0 if status == PARTIAL else ends
    finals[last, 1] = np.where(np.isfinite(finals[last, 0]), 0, np.inf)
    return FstArrays(0, finals, np.bincount(source, minlength=count).astype(np.int64), arcs)
