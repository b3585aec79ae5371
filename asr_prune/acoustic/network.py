"""The feed-forward acoustic network and what a pruning method sees of it: layers of nodes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"relu": torch.relu, "sigmoid": torch.sigmoid}


@dataclass(frozen=True)
class NodeLayer:
    """One prunable layer: its nodes stand between two affine maps.

    Node j has the incoming vector `incoming.weight[j, :]`, the bias `incoming.bias[j]` and the outgoing vector
    `outgoing.weight[:, j]`.
    """

    incoming: nn.Linear
    outgoing: nn.Linear
    activation: Callable[[Tensor], Tensor]

    @property
    def size(self) -> int:
        return self.incoming.out_features

    def norms(self, vectors: str) -> Tensor:
        """Euclidean norms of the nodes' `incoming` or `outgoing` vectors, or their `product`; float tensor [nodes]."""
        if vectors == "product":
            return self.norms("incoming") * self.norms("outgoing")
        weight = self.incoming.weight if vectors == "incoming" else self.outgoing.weight
        return weight.detach().norm(dim=1 if vectors == "incoming" else 0)


class FeedForward(nn.Module):
    """Spliced, normalised frames through fully connected hidden layers to pdf logits.

    inputs: values of one spliced frame, (left + 1 + right) * feature dimension. outputs: pdfs. dropouts: for each
    hidden layer the share of its outputs that training drops; may be changed while training.
    """

    def __init__(
        self, inputs: int, hidden: Sequence[int], outputs: int, activation: str = "relu", dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.activation = activation
        self.dropouts = [dropout] * len(hidden)
        widths = [inputs, *hidden]
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))
        self.output = nn.Linear(widths[-1], outputs)
        self.shift = nn.Buffer(torch.zeros(inputs))
        self.scale = nn.Buffer(torch.ones(inputs))
        for layer in self.affine:
            self._initialise(layer, last=layer is self.output)

    def _initialise(self, layer: nn.Linear, last: bool) -> None:
        if layer.weight.numel():
            if self.activation == "relu" and not last:
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            else:
                nn.init.xavier_normal_(layer.weight, gain=1.0 if last or self.activation == "relu" else 4.0)
        nn.init.zeros_(layer.bias)

    @property
    def affine(self) -> list[nn.Linear]:
        """All affine maps, input to output."""
        return [*self.hidden, self.output]

    @property
    def widths(self) -> list[int]:
        """Nodes of each hidden layer."""
        return [layer.out_features for layer in self.affine[:-1]]

    def normalise_by(self, mean: Tensor, deviation: Tensor) -> None:
        """Makes the network subtract `mean` and divide by `deviation`, both [inputs], before its first layer."""
        self.shift.copy_(mean)
        self.scale.copy_(1 / deviation.clamp_min(1e-5))

    def node_layers(self) -> list[NodeLayer]:
        """What pruning methods see, first hidden layer to last."""
        act = ACTIVATIONS[self.activation]
        return [NodeLayer(a, b, act) for a, b in pairwise(self.affine)]

    def forward(self, frames: Tensor) -> Tensor:
        """frames: float [batch, inputs], spliced, not normalised. Returns logits [batch, pdfs]."""
        x = (frames - self.shift) * self.scale
        act = ACTIVATIONS[self.activation]
        for layer, rate in zip(self.hidden, self.dropouts, strict=True):
            x = act(layer(x))
            if self.training and rate:
                x = nn.functional.dropout(x, rate)
        return self.output(x)


@dataclass(frozen=True)
class Size:
    """How large a network is.

    nodes: hidden nodes a layer; params: weights and biases; macs: multiply-adds a frame; nonzero: weights that are not
    0.
    """

    nodes: list[int]
    params: int
    macs: int
    nonzero: int


def size_of(network: FeedForward) -> Size:
    """Counts `network`; the fixed input normalisation is not counted."""
    weights = [layer.weight.detach() for layer in network.affine]
    macs = sum(w.numel() for w in weights)
    params = macs + sum(layer.bias.numel() for layer in network.affine)
    return Size(network.widths, params, macs, sum(int(w.count_nonzero()) for w in weights))
