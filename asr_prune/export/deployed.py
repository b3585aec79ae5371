"""A network that leaves the project, with what it must tell whoever runs it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from asr_prune.acoustic.checkpoint import Model
from asr_prune.acoustic.network import Network
from asr_prune.errors import UserError
from asr_prune.features.options import FeatureOptions
from asr_prune.hmm.frontend import FrontEnd

FORMAT = 1


@dataclass(frozen=True)
class Deployed:
    """A network and how its input is made from audio.

    model: as the run's shrunk/network.pt holds it; base: options of the features computed from audio; front: what
    stands between those and the network where it hears what the GMM-HMM hears, else None; adapted: whether a
    speaker's fMLLR transform comes after `front`.
    """

    model: Model
    base: FeatureOptions
    front: FrontEnd | None = None
    adapted: bool = False

    @property
    def dim(self) -> int:
        """Columns of one frame before splicing."""
        return self.model.network.inputs // (1 + sum(self.model.context))

    @property
    def deltas(self) -> int:
        """How many times the computed features are differenced on their way to the network."""
        return self.base.deltas if self.front is None else self.front.deltas

    def card(self) -> dict[str, Any]:
        """Plain values: format; network (type, inputs, hidden: nodes of each layer, outputs, activation); stride
        (frames in for one out); tokens (with CTC what each output spells, the blank first; else empty); context (frames
        spliced left and right); log_priors [pdfs]; features (all options, and the pass of the labels);
        front_end; input (a sentence).
        """
        model = self.model
        return {
            "format": FORMAT,
            "network": model.network.shape(),
            "stride": model.network.stride,
            "tokens": model.tokens,
            "context": list(model.context),
            "log_priors": _decimals(model.priors.numpy()),
            "features": model.features,
            "front_end": self._front_end(),
            "input": self._input(),
        }

    def _front_end(self) -> dict[str, Any] | None:
        """Of what the GMM-HMM hears: deltas, or context and rows of a linear transform; and whether fMLLR follows."""
        if self.front is None:
            return None
        if self.front.matrix is None:
            return {"deltas": self.front.deltas, "fmllr": self.adapted}
        context = [self.front.left, self.front.right]
        return {"context": context, "transform": [_decimals(row) for row in self.front.matrix], "fmllr": self.adapted}

    def _input(self) -> str:
        kind = "network" if self.front is None else "hmm"
        made = f"{self.dim} features a frame, made as features.{kind} says (cmvn and deltas included)"
        if self.front is None:
            return made
        made = f"{self.dim} features a frame: features.{kind} with its cmvn, then front_end"
        return f"{made}, then the speaker's fMLLR transform" if self.adapted else made


def need_nodes(network: Network) -> None:
    """Raises UserError where a layer has no nodes, so that the network gives every frame the same."""
    if not all(network.widths):
        raise UserError(
            f"a hidden layer has no nodes left (widths {network.widths}), so that the network ignores its input; "
            "prune less before exporting it."
        )


def _decimals(values: np.ndarray) -> list[float]:
    """float32 [n] as numbers of which the text is short and reads back as the same float32."""
    return [float(str(value)) for value in values.astype(np.float32)]
