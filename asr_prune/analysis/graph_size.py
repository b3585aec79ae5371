"""The size of a decoding graph: of the one that is there, or extrapolated from lexicon and language
model.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path

from asr_prune.decode.arrays import FstArrays
from asr_prune.integrity import checked
from asr_prune.lang.fst import read_fst

#: states of HCLG for each arc of L_disambig and G: 1.2 to 2.5 in demo, demo_large and an4
STATES_AN_ARC = 1.5
#: arcs of HCLG for each state: 2.3 in demo_large, 2.8 in an4
ARCS_A_STATE = 2.5
#: bytes for each arc, at the peak of loading a graph: the file, its arcs, and what the search reads
BYTES_AN_ARC = 92
#: bytes of the compiled search
SEARCH_BYTES = 66_000_000


@dataclass(frozen=True)
class SizeEstimate:
    """extrapolated: whether the graph is not there; states and arcs are infinite if nothing of it
    is known.
    """

    states: float
    arcs: float
    extrapolated: bool

    @property
    def memory(self) -> int | None:
        """Bytes that it takes with the program of the search, None if nothing is known of it."""
        return None if math.isinf(self.arcs) else int(SEARCH_BYTES + BYTES_AN_ARC * self.arcs)


def graph_size(graph: Path, lang: Path) -> SizeEstimate:
    """Of the graph in a folder or, about, of the one that will be made from `lang`."""
    size = graph / "size.json"
    if size.is_file():
        content = json.loads(checked(size).read_text(encoding="utf-8"))
        return SizeEstimate(float(content["states"]), float(content["arcs"]), False)
    states = STATES_AN_ARC * _arcs(lang)
    return SizeEstimate(states, ARCS_A_STATE * states, True)


def _arcs(lang: Path) -> float:
    paths = [lang / name for name in ("L_disambig.fst", "G.fst")]
    if not all(path.is_file() for path in paths):
        return math.inf
    return sum(len(FstArrays.of(read_fst(path, "lang")).arcs) for path in paths)
