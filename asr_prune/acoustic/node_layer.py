"""A layer of nodes between two affine maps, which pruning methods act on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

#: a parameter of a module, and the axis along which the nodes of a layer lie in it
Along = tuple[nn.Module, str, int]


@dataclass(frozen=True)
class NodeLayer:
    """One prunable layer: its nodes lie between two affine maps.

    Node j has the incoming vector `incoming.weight[j]`, the bias `incoming.bias[j]` and the
    outgoing vector `outgoing.weight[..., j]`. Weights are [rows, columns], in a time-delay layer
    [rows, taps, columns]. readers: the maps that read the output of `outgoing`; they take up
    constants if `outgoing` has no bias; one without a bias hands them on to the next. feeders: maps
    between no nodes whose output `incoming` reads. gives_logits: `outgoing` is the output layer, or,
    where it is a gate, the last map of `along` is.
    skippable: the network works without the layer. along: other parameters that have a place for
    each node.
    """

    incoming: nn.Linear
    outgoing: nn.Linear
    activation: Callable[[Tensor], Tensor]
    readers: tuple[nn.Linear, ...] = ()
    feeders: tuple[nn.Linear, ...] = ()
    gives_logits: bool = False
    skippable: bool = False
    along: tuple[Along, ...] = ()

    @property
    def size(self) -> int:
        return self.incoming.out_features

    @property
    def gated(self) -> bool:
        """Whether its vectors are gates, which stand for those in the maps of `along`."""
        return bool(getattr(self.incoming, "virtual", False))

    def sides(self) -> list[tuple[nn.Linear, int]]:
        """The maps into the layer, whose rows its nodes are (0), and out of it (columns, -1); no gates."""
        if not self.gated:
            return [(self.incoming, 0), (self.outgoing, -1)]
        return [(m, axis) for m, name, axis in self.along if name == "weight" and isinstance(m, nn.Linear)]

    def reading(self) -> list[nn.Linear]:
        """The maps that read gated nodes; none if the nodes are not gated."""
        return [m for m, axis in self.sides() if axis == -1] if self.gated else []

    def weights(self, output: bool) -> list[Tensor]:
        """The weight matrices into and out of the layer; the output layer's only if `output`."""
        found = [m.weight for m, _ in self.sides()]
        return found[:-1] if self.gives_logits and not output else found

    @property
    def linear(self) -> bool:
        """Whether a change of basis of the nodes can be made up for in `outgoing`."""
        return self.activation is unchanged and not self.along

    def release(self) -> None:
        """Called when the nodes of a linear layer have another basis than the network would keep."""

    def norms(self, vectors: str) -> Tensor:
        """Euclidean norms of the nodes' `incoming` or `outgoing` vectors, or their `product`; [nodes]."""
        if vectors == "product":
            return self.norms("incoming") * self.norms("outgoing")
        if vectors == "incoming":
            return by_rows(self.incoming.weight.detach()).norm(dim=1)
        return by_columns(self.outgoing.weight.detach()).norm(dim=0)

    def magnitudes(self, vectors: str) -> Tensor:
        """Sums of the magnitudes of the nodes' `incoming` or `outgoing` vectors; [nodes]."""
        if vectors == "incoming":
            return by_rows(self.incoming.weight.detach()).abs().sum(1)
        return by_columns(self.outgoing.weight.detach()).abs().sum(0)

    def constants(self, nodes: Tensor) -> Tensor:
        """Outputs of those nodes whose incoming vector is zero. nodes: boolean [nodes]."""
        return self.activation(self.incoming.bias[nodes])

    def used(self) -> Tensor:
        """Whether anything reads a node, boolean [nodes]."""
        return by_columns(self.outgoing.weight).count_nonzero(0) > 0

    def balance(self) -> None:
        """Called when a method begins to penalise or rank nodes; keeps the function."""

    @torch.no_grad()
    def absorb(self, nodes: Tensor, constants: Tensor) -> None:
        """Adds the constant outputs of some nodes to the biases of the layers that read them.

        nodes: boolean [nodes]; constants: the output of each selected node; of gated nodes also
        [maps, selected], that which each of `reading` reads.
        """
        if not bool(nodes.any()):
            return
        offset = through(self.outgoing.weight, nodes, constants)
        if self.outgoing.bias is not None:
            self.outgoing.bias.add_(offset)
            return
        passed = offset
        for reader in self.readers:
            into = reader.weight @ passed
            passed = offset if reader.bias is not None else into
            if reader.bias is not None:
                reader.bias.add_(into)


def through(weight: Tensor, nodes: Tensor, constants: Tensor) -> Tensor:
    """What a map adds to its output for constant inputs, [rows]. weight: [rows, (taps,) nodes]; nodes:
    boolean [nodes]; constants: of the selected nodes.
    """
    return (weight if weight.dim() == 2 else weight.sum(1))[:, nodes] @ constants


def unchanged(values: Tensor) -> Tensor:
    """The activation function of linear nodes."""
    return values


def by_rows(weight: Tensor) -> Tensor:
    """A view of `weight`, [rows, (taps,) columns], with an incoming vector per row."""
    return weight.flatten(1)


def by_columns(weight: Tensor) -> Tensor:
    """A view of `weight`, [rows, (taps,) columns], with an outgoing vector per column."""
    return weight.flatten(0, -2)


def over_rows(values: Tensor, weight: Tensor) -> Tensor:
    """`values` [rows], reshaped to broadcast over `weight`."""
    return values.view(-1, *[1] * (weight.dim() - 1))
