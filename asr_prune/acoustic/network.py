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

    Node j has the incoming vector `incoming.weight[j]`, the bias `incoming.bias[j]` and the outgoing vector
    `outgoing.weight[..., j]`; weights are [rows, columns], of a time delay [rows, taps, columns]. readers: the maps
    that hear what `outgoing` gives; where `outgoing` has no bias of its own, constants go into theirs. gives_logits:
    `outgoing` is the output layer. skippable: the network goes on without the whole layer.
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
        if vectors == "incoming":
            return by_rows(self.incoming.weight.detach()).norm(dim=1)
        return by_columns(self.outgoing.weight.detach()).norm(dim=0)

    @torch.no_grad()
    def absorb(self, nodes: Tensor, constants: Tensor) -> None:
        """Moves what `nodes` (boolean [nodes]) pass on, giving `constants` [nodes chosen], into biases further on."""
        if not bool(nodes.any()):
            return
        weight = self.outgoing.weight
        given = (weight if weight.dim() == 2 else weight.sum(1))[:, nodes] @ constants
        if self.outgoing.bias is not None:
            self.outgoing.bias.add_(given)
            return
        for reader in self.readers:
            reader.bias.add_(reader.weight @ given)


def by_rows(weight: Tensor) -> Tensor:
    """`weight`, [rows, columns] or [rows, taps, columns], as [rows, values]: the same memory, a row an incoming
    vector.
    """
    return weight.flatten(1)


def by_columns(weight: Tensor) -> Tensor:
    """`weight`, [rows, columns] or [rows, taps, columns], as [values, columns]: the same memory, a column an outgoing
    vector.
    """
    return weight.flatten(0, -2)


def over_rows(values: Tensor, weight: Tensor) -> Tensor:
    """`values`, [rows], in a shape that broadcasts over `weight`."""
    return values.view(-1, *[1] * (weight.dim() - 1))


class Network(nn.Module, ABC):
    """Spliced, normalised frames through hidden layers of nodes to logits of classes: pdfs, or tokens of CTC.

    inputs: values of one spliced frame, (left + 1 + right) * feature dimension. hidden: nodes of each layer. outputs:
    classes. dropouts: for each hidden layer the share of its outputs that training drops; may be changed while
    training.
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
    def stride(self) -> int:
        """Frames of the features of which the network keeps one."""
        return 1

    @property
    def act(self) -> Callable[[Tensor], Tensor]:
        return ACTIVATIONS[self.activation]

    def normalise_by(self, mean: Tensor, deviation: Tensor) -> None:
        """Makes the network subtract `mean` and divide by `deviation`, both [inputs], before its first layer."""
        self.shift.copy_(mean)
        self.scale.copy_(1 / deviation.clamp_min(1e-5))

    def of_utterances(self, frames: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Logits [frames out, classes] of whole utterances, one after the other in `frames` (float [frames, inputs]),
        and how many of them belong to each, int64 [utterances]. lengths: frames of each utterance, int64 [utterances].
        """
        return self(frames), lengths

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
        nn.init.kaiming_normal_(by_rows(layer.weight), nonlinearity="relu")
    elif layer.weight.numel():
        nn.init.xavier_normal_(by_rows(layer.weight), gain=4.0 if activation == "sigmoid" else 1.0)
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
    params = sum(parameter.numel() for layer in network.affine for parameter in layer.parameters())
    macs = sum(layer.weight.numel() * rate_of(layer) for layer in network.affine)
    return Size(network.widths, params, round(macs), sum(int(w.count_nonzero()) for w in weights))


def rate_of(layer: nn.Linear) -> float:
    """How often a map is evaluated, per frame of the features; below 1 behind sub-sampling."""
    return float(getattr(layer, "rate", 1.0))
