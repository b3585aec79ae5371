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
        if vectors == "incoming":
            return self.incoming.weight.detach().abs().flatten() * self._joined(0)
        return self.outgoing.weight.detach().abs().flatten() * self._joined(-1)

    def _joined(self, axis: int) -> Tensor:
        weights = [getattr(m, name).detach() for m, name, along in self.along if (name, along) == ("weight", axis)]
        if axis == 0:
            return torch.cat([by_rows(weight) for weight in weights], 1).norm(dim=1)
        return torch.cat([by_columns(weight) for weight in weights]).norm(dim=0)

    def used(self) -> Tensor:
        return (self.outgoing.weight.flatten() != 0) & (self._joined(-1) > 0)

    def absorb(self, nodes: Tensor, constants: Tensor) -> None:
        """Nothing, because the constants are zero."""

    @torch.no_grad()
    def balance(self) -> None:
        """Gives each outgoing gate the norm of its node's columns, which these are divided by; the
        function stays. Penalties of gates are then penalties of the columns.
        """
        norm = self._joined(-1).clamp_min(1e-30)
        for module, name, axis in self.along:
            if (name, axis) == ("weight", -1):
                getattr(module, name).div_(norm)
        self.outgoing.weight.mul_(norm)
