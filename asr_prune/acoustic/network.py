"""What every acoustic network is, and what a pruning method sees of it: layers of nodes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"relu": torch.relu, "sigmoid": torch.sigmoid}


@dataclass(frozen=True)
class NodeLayer:
    """One prunable layer: its nodes stand between two affine maps.

    Node j has the incoming vector `incoming.weight[j, :]`, the bias `incoming.bias[j]` and the outgoing vector
    `outgoing.weight[:, j]`. readers: the maps that hear what `outgoing` gives; where `outgoing` has no bias of its own,
    constants go into theirs. gives_logits: `outgoing` is the output layer. skippable: the network goes on without the
    whole layer.
    """

    incoming: nn.Linear
    outgoing: nn.Linear
    activation: Callable[[Tensor], Tensor]
    readers: tuple[nn.Linear, ...] = ()
    gives_logits: bool = False
    skippable: bool = False

    @property
    def size(self) -> int:
        return self.incoming.out_features

    def norms(self, vectors: str) -> Tensor:
        """Euclidean norms of the nodes' `incoming` or `outgoing` vectors, or their `product`; float tensor [nodes]."""
        if vectors == "product":
            return self.norms("incoming") * self.norms("outgoing")
        weight = self.incoming.weight if vectors == "incoming" else self.outgoing.weight
        return weight.detach().norm(dim=1 if vectors == "incoming" else 0)

    @torch.no_grad()
    def absorb(self, nodes: Tensor, constants: Tensor) -> None:
        """Moves what `nodes` (boolean [nodes]) pass on, giving `constants` [nodes chosen], into biases further on."""
        if not bool(nodes.any()):
            return
        given = self.outgoing.weight[:, nodes] @ constants
        if self.outgoing.bias is not None:
            self.outgoing.bias.add_(given)
            return
        for reader in self.readers:
            reader.bias.add_(reader.weight @ given)


class Network(nn.Module, ABC):
    """Spliced, normalised frames through hidden layers of nodes to pdf logits.

    inputs: values of one spliced frame, (left + 1 + right) * feature dimension. hidden: nodes of each layer. outputs:
    pdfs. dropouts: for each hidden layer the share of its outputs that training drops; may be changed while training.
    """

    def __init__(self, inputs: int, hidden: Sequence[int], outputs: int, activation: str, dropout: float) -> None:
        super().__init__()
        self.inputs, self.outputs, self.activation = inputs, outputs, activation
        self.dropouts = [dropout] * len(hidden)
        self.shift = nn.Buffer(torch.zeros(inputs))
        self.scale = nn.Buffer(torch.ones(inputs))

    @property
    @abstractmethod
    def affine(self) -> list[nn.Linear]:
        """All affine maps, input to output."""

    @abstractmethod
    def node_layers(self) -> list[NodeLayer]:
        """What pruning methods see, first hidden layer to last."""

    @abstractmethod
    def shape(self) -> dict[str, Any]:
        """Plain values from which `architectures.from_shape` makes a network of the same shape."""

    @property
    def widths(self) -> list[int]:
        """Nodes of each hidden layer."""
        return [layer.size for layer in self.node_layers()]

    @property
    def act(self) -> Callable[[Tensor], Tensor]:
        return ACTIVATIONS[self.activation]

    def normalise_by(self, mean: Tensor, deviation: Tensor) -> None:
        """Makes the network subtract `mean` and divide by `deviation`, both [inputs], before its first layer."""
        self.shift.copy_(mean)
        self.scale.copy_(1 / deviation.clamp_min(1e-5))

    def normalised(self, frames: Tensor) -> Tensor:
        """`frames`, float [batch, inputs], as the first layer wants them."""
        return (frames - self.shift) * self.scale

    def dropped(self, outputs: Tensor, layer: int) -> Tensor:
        """Outputs of hidden `layer`, [batch, nodes], some of them dropped in training."""
        rate = self.dropouts[layer]
        return nn.functional.dropout(outputs, rate) if self.training and rate else outputs


@torch.no_grad()
def initialise(layer: nn.Linear, activation: str) -> None:
    """He's normal weights before a ReLU, Glorot's elsewhere, four times as large before a sigmoid; biases 0.

    activation: what follows the map; `none` before a softmax or a sum.
    """
    if layer.weight.numel() and activation == "relu":
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    elif layer.weight.numel():
        nn.init.xavier_normal_(layer.weight, gain=4.0 if activation == "sigmoid" else 1.0)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)


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


def size_of(network: Network) -> Size:
    """Counts `network`; the fixed input normalisation is not counted."""
    weights = [layer.weight.detach() for layer in network.affine]
    macs = sum(w.numel() for w in weights)
    params = macs + sum(layer.bias.numel() for layer in network.affine if layer.bias is not None)
    return Size(network.widths, params, macs, sum(int(w.count_nonzero()) for w in weights))
