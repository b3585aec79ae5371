"""Nodes that several maps make and read together, with gates in the place of their vectors."""

from __future__ import annotations

import torch
from torch import Tensor

from asr_prune.acoustic.node_layer import NodeLayer, by_columns, by_rows


class TiedLayer(NodeLayer):
    """A layer between two gates, whose nodes have a place in all maps of `along`: they are rows of
    those along axis 0, columns of those along axis -1. A removed node has a gate of zero; its
    constant is 0, because what is gated has a mean of zero.
    """

    def norms(self, vectors: str) -> Tensor:
        """Of all rows or columns of a node together, times its gate."""
        if vectors == "product":
            return super().norms(vectors)
        return self._gate(vectors) * self._joined(vectors).norm(dim=1)

    def magnitudes(self, vectors: str) -> Tensor:
        """Of all rows or columns of a node together, times its gate."""
        return self._gate(vectors) * self._joined(vectors).abs().sum(1)

    def _gate(self, vectors: str) -> Tensor:
        gate = self.incoming if vectors == "incoming" else self.outgoing
        return gate.weight.detach().abs().flatten()

    def _joined(self, vectors: str) -> Tensor:
        """[nodes, all weights of a node on that side]"""
        axis = 0 if vectors == "incoming" else -1
        weights = [getattr(m, name).detach() for m, name, along in self.along if (name, along) == ("weight", axis)]
        return torch.cat([by_rows(weight) if axis == 0 else by_columns(weight).T for weight in weights], 1)

    def used(self) -> Tensor:
        return (self.outgoing.weight.flatten() != 0) & self._joined("outgoing").count_nonzero(1).bool()

    def absorb(self, nodes: Tensor, constants: Tensor) -> None:
        """Nothing, because the constants are zero."""

    @torch.no_grad()
    def balance(self) -> None:
        """Gives each outgoing gate the norm of its node's columns, which these are divided by; the
        function stays. Penalties of gates are then penalties of the columns.
        """
        norm = self._joined("outgoing").norm(dim=1).clamp_min(1e-30)
        for module, name, axis in self.along:
            if (name, axis) == ("weight", -1):
                getattr(module, name).div_(norm)
        self.outgoing.weight.mul_(norm)
