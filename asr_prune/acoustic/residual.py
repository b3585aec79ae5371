"""The residual network, in which pruning can remove whole layers.

After Guenter and Sideris 2024, arXiv 2411.09127; the exact form of the layers is our
interpretation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from torch import Tensor, nn

from asr_prune.acoustic.initialise import initialise
from asr_prune.acoustic.network import Network
from asr_prune.acoustic.node_layer import NodeLayer


class Residual(Network):
    """`h_0 = P x + p`, then `h_l = h_{l-1} + V_l act(W_l h_{l-1} + b_l)`, then the output layer.

    stream: width of h, which is fixed; the nodes lie between W and V. V has no bias, so a layer
    without nodes adds nothing and is skipped.
    """

    def __init__(
        self,
        inputs: int,
        hidden: Sequence[int],
        outputs: int,
        activation: str = "relu",
        dropout: float = 0.0,
        stream: int = 256,
    ) -> None:
        super().__init__(inputs, hidden, outputs, activation, dropout)
        self.stream = stream
        self.input = nn.Linear(inputs, stream)
        self.incoming = nn.ModuleList(nn.Linear(stream, nodes) for nodes in hidden)
        self.outgoing = nn.ModuleList(nn.Linear(nodes, stream, bias=False) for nodes in hidden)
        self.output = nn.Linear(stream, outputs)
        for layer in self.affine:
            initialise(layer, "none")
        for layer, _ in self.pairs:
            initialise(layer, activation)

    @property
    def pairs(self) -> list[tuple[nn.Linear, nn.Linear]]:
        """(W, V) of each layer."""
        return cast("list[tuple[nn.Linear, nn.Linear]]", list(zip(self.incoming, self.outgoing, strict=True)))

    @property
    def affine(self) -> list[nn.Linear]:
        return [self.input, *(layer for pair in self.pairs for layer in pair), *self.factors(0)]

    @property
    def maps(self) -> list[nn.Linear]:
        return [self.output]

    def node_layers(self) -> list[NodeLayer]:
        readers = [*(incoming for incoming, _ in self.pairs), *self.factors(0)]
        return [
            NodeLayer(incoming, outgoing, self.act, tuple(readers[i:]), (self.input,), skippable=True)
            for i, (incoming, outgoing) in enumerate(self.pairs, 1)
        ]

    def shape(self) -> dict[str, Any]:
        return {
            "type": "residual",
            "inputs": self.inputs,
            "hidden": self.widths,
            "outputs": self.outputs,
            "activation": self.activation,
            "stream": self.stream,
            **self.thinned(),
        }

    def forward(self, frames: Tensor) -> Tensor:
        """frames: float [batch, inputs], spliced, not normalised. Returns logits [batch, pdfs]."""
        h = self.input(self.normalise(frames))
        for i, (incoming, outgoing) in enumerate(self.pairs):
            if incoming.out_features:
                h = h + outgoing(self.apply_dropout(self.act(incoming(h)), i))
        return self.mapped(0, h)
