"""The plain feed-forward network."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, cast

from torch import Tensor, nn

from asr_prune.acoustic.chain import Chain
from asr_prune.acoustic.initialise import initialise


class FeedForward(Chain):
    """Fully connected hidden layers in sequence: `h_l = act(W_l h_{l-1} + b_l)`."""

    def __init__(
        self,
        inputs: int,
        hidden: Sequence[int],
        outputs: int,
        activation: str = "relu",
        dropout: float = 0.0,
    ) -> None:
        super().__init__(inputs, hidden, outputs, activation, dropout)
        widths = [inputs, *hidden]
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))
        self.output = nn.Linear(widths[-1], outputs)
        for layer in self.affine[:-1]:
            initialise(layer, activation)
        initialise(self.output, "none")

    @property
    def maps(self) -> list[nn.Linear]:
        return cast("list[nn.Linear]", [*self.hidden, self.output])

    def shape(self) -> dict[str, Any]:
        return {
            "type": "feed_forward",
            "inputs": self.inputs,
            "hidden": self.widths,
            "outputs": self.outputs,
            "activation": self.activation,
            **self.thinned(),
        }

    def forward(self, frames: Tensor) -> Tensor:
        """frames: float [batch, inputs], spliced, not normalised. Returns logits [batch, pdfs]."""
        x = self.normalise(frames)
        for i in range(len(self.hidden)):
            x = self.apply_dropout(self.act(self.mapped(i, x)), i)
        return self.mapped(len(self.hidden), x)
