"""How long an utterance stays in each pdf, over all paths of its lattice (Kaldi: lattice-to-post,
weight-silence-post).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from asr_prune.decode.decoder import Decoder
from asr_prune.decode.forward_backward import arc_posteriors
from asr_prune.decode.kept import Coder
from asr_prune.decode.lattice import Lattice
from asr_prune.hmm.gmm import Bools, Floats, Ints

#: smaller posteriors are left out
_LEAST = 1e-3


@dataclass(frozen=True)
class Occupancy:
    """Posteriors of pdfs by frame, those above 0.001: frames, int32 [n]; pdfs, int32 [n]; weights,
    float32 [n]; reached_final: False if no path ends in a final state.
    """

    frames: Ints
    pdfs: Ints
    weights: Floats
    reached_final: bool = True


@dataclass(frozen=True)
class Occupancies:
    """Finds the occupancy of an utterance, whose silence counts little.

    decoder: whose acoustic scale also weighs the paths; silent: boolean [pdfs]; silence: the weight
    of their frames.
    """

    decoder: Decoder
    silent: Bools
    silence: float

    def __call__(self, utt: str, loglikes: Floats) -> Occupancy:
        """loglikes: float32 [frames, pdfs]. Raises UserError as `Decoder.check`."""
        self.decoder.check(utt, loglikes)
        lattice = self.decoder.lattice(loglikes)
        found = occupancy(lattice, 1 / self.decoder.options.acoustic_scale, self.decoder.pdf_of)
        weights = found.weights * np.where(self.silent[found.pdfs], np.float32(self.silence), np.float32(1))
        heard = weights > 0
        return Occupancy(found.frames[heard], found.pdfs[heard], weights[heard], lattice.reached_final)


def occupancy(lattice: Lattice, lm_weight: float, pdf_of: Ints) -> Occupancy:
    """Sums the posteriors of a lattice's arcs by frame and pdf. pdf_of: see `Decoder`."""
    trellis = lattice.trellis
    emits = trellis.labels > 0
    frames, pdfs = trellis.frames[emits], pdf_of[trellis.labels[emits]]
    count = int(pdf_of.max(initial=0)) + 1
    keys, places = np.unique(frames * count + pdfs, return_inverse=True)
    weights = np.bincount(places, arc_posteriors(trellis, (lm_weight, 0.0)).arcs[emits], len(keys))
    keys, likely = keys[weights > _LEAST], weights[weights > _LEAST].astype(np.float32)
    return Occupancy((keys // count).astype(np.int32), (keys % count).astype(np.int32), likely, lattice.reached_final)


def _plain(found: Occupancy) -> list[object]:
    return [found.frames.tolist(), found.pdfs.tolist(), found.weights.tolist(), found.reached_final]


def _read(content: Sequence[Any]) -> Occupancy:
    frames, pdfs, weights, reached_final = content
    return Occupancy(np.array(frames, np.int32), np.array(pdfs, np.int32), np.array(weights, np.float32), reached_final)


#: how occupancies are kept
OCCUPANCIES = Coder(_plain, _read)
