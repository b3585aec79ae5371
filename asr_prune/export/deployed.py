"""An exported network with its metadata."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from asr_prune.acoustic.checkpoint import Model
from asr_prune.errors import UserError
from asr_prune.features.options import FeatureOptions
from asr_prune.hmm.frontend import FrontEnd

#: version of the metadata
DEPLOYED_FORMAT = 1


@dataclass(frozen=True)
class Deployed:
    """A network and how its input is computed from audio.

    model: the shrunk network; base: options of the features computed from audio; front: the
    GMM-HMM's front end if the network reads its features, else None; adapted: whether a speaker's
    fMLLR transform follows `front`.
    """

    model: Model
    base: FeatureOptions
    front: FrontEnd | None = None
    adapted: bool = False

    @property
    def dim(self) -> int:
        """Feature dimension before splicing."""
        return self.model.network.inputs // (1 + sum(self.model.context))

    @property
    def deltas(self) -> int:
        """Order of the deltas appended to the computed features, 0 for none."""
        return self.base.deltas if self.front is None else self.front.deltas

    def card(self) -> dict[str, Any]:
        """The metadata, as JSON values.

        format; network: type, inputs, hidden (nodes of each layer), outputs, activation; stride:
        input frames per output frame; tokens: with CTC the text of each output, the blank first,
        else empty; context: frames spliced left and right; reach: spliced frames that the network
        reads before and after one; log_priors: [pdfs]; features: all options, and the name of the
        GMM-HMM of the labels; front_end; input: a sentence.
        """
        model = self.model
        return {
            "format": DEPLOYED_FORMAT,
            "network": model.network.shape(),
            "stride": model.network.stride,
            "tokens": model.tokens,
            "context": list(model.context),
            "reach": list(model.network.reach),
            "log_priors": _decimals(model.priors.numpy()),
            "features": model.features,
            "front_end": self._front_end(),
            "input": self._input(),
        }

    def _front_end(self) -> dict[str, Any] | None:
        """Deltas, or context and rows of a linear transform; and whether fMLLR follows."""
        if self.front is None:
            return None
        if self.front.matrix is None:
            return {"deltas": self.front.deltas, "fmllr": self.adapted}
        context = [self.front.left, self.front.right]
        rows = [_decimals(row) for row in self.front.matrix]
        return {"context": context, "transform": rows, "fmllr": self.adapted}

    def _input(self) -> str:
        if self.front is None:
            return f"{self.dim} features per frame: features.network with its cmvn and deltas"
        text = f"{self.dim} features per frame: features.hmm with its cmvn, then front_end"
        return f"{text}, then the speaker's fMLLR transform" if self.adapted else text


def need_nodes(widths: Sequence[int]) -> None:
    """Raises UserError if a layer has no nodes, so that the output does not depend on the input."""
    if not all(widths):
        raise UserError(
            f"a hidden layer has no nodes left (widths {list(widths)}): the network ignores its"
            " input; prune less before exporting it."
        )


def _decimals(values: np.ndarray) -> list[float]:
    """float32 [n] as numbers whose short decimal text reads back as the same float32."""
    return [float(str(value)) for value in values.astype(np.float32)]
