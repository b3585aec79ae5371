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
    between no nodes whose output `incoming` reads. gives_logits: `outgoing` is the output layer.
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

        nodes: boolean [nodes]; constants: the output of each selected node.
        """
        if not bool(nodes.any()):
            return
        weight = self.outgoing.weight
        offset = (weight if weight.dim() == 2 else weight.sum(1))[:, nodes] @ constants
        if self.outgoing.bias is not None:
            self.outgoing.bias.add_(offset)
            return
        passed = offset
        for reader in self.readers:
            into = reader.weight @ passed
            passed = offset if reader.bias is not None else into
            if reader.bias is not None:
                reader.bias.add_(into)


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
