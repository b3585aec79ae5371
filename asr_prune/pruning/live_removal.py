"""Permanently removed nodes during training: dropped from the computation, or held at zero."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import Any, Protocol

import torch
from torch import Tensor, optim

from asr_prune.acoustic.node_layer import NodeLayer, over_rows
from asr_prune.pruning.method import Method
from asr_prune.pruning.reading import read
from asr_prune.pruning.removal import hold_at_zero, narrow, widen, zero_nodes


class Prunable(Protocol):
    """What the pruner needs of a network: its layers of nodes, and the dropout rate of each."""

    dropouts: list[float]

    def node_layers(self) -> list[NodeLayer]: ...

    def state_dict(self) -> dict[str, Any]: ...


class LiveRemoval:
    """Removes nodes for good while the network is trained.

    With `live_shrink` the network, the optimiser and the method are narrowed at once; without it
    the nodes stay as zeros, and their gradients count as zero. Both are the same function after
    every update, but for dropout, whose masks have the width of the layer.
    """

    def __init__(self, method: Method, network: Prunable, optimiser: optim.Optimizer) -> None:
        self.method, self.network, self.optimiser = method, network, optimiser
        self.nodes, self.live = method.nodes, method.options.live_shrink
        #: methods on other layers that share a map with these
        self.companions: list[Method] = []
        #: nodes held at zero, boolean [nodes] a layer; None if there are none
        self.zeroed: list[Tensor] | None = None
        #: the layers that have some
        self.held: list[int] = []

    @torch.no_grad()
    def take(self, gone: Sequence[Tensor], last: bool = False) -> None:
        """Removes the nodes in `gone`, boolean [remaining nodes] a layer; earlier ones may be among
        them.

        last: no update follows, so that no computation is saved by narrowing.
        """
        before = self.zeroed or [torch.zeros_like(mask) for mask in gone]
        new = [mask & ~zero for mask, zero in zip(gone, before, strict=True)]
        if not any(read(mask.any() for mask in new)):
            return
        kept = [~mask for mask in gone]
        zero_nodes(self.nodes.layers, [~mask for mask in new], self.method.score.folds)
        if self.live and not last:
            self._narrow(kept)
        else:
            self._keep_zeroed(list(gone))

    def _keep_zeroed(self, gone: list[Tensor] | None) -> None:
        self.zeroed = gone
        some = read(mask.any() for mask in gone or [])
        self.held = [i for i, any_zeroed in enumerate(some) if any_zeroed]

    def _narrow(self, kept: Sequence[Tensor]) -> None:
        narrow(self.nodes.layers, kept, self.optimiser)
        self.method.narrow(kept)
        for other in self.companions:
            other.narrow(other.nodes.every_node())

    @torch.no_grad()
    def hold_gradients(self) -> None:
        """Zeroes the gradients of zeroed nodes, so that clipping and the optimiser do not see
        them.
        """
        for layer, mask in zip(self.nodes.layers, self.zeroed or [], strict=False):
            for parameter, where in (
                (layer.incoming.weight, over_rows(mask, layer.incoming.weight)),
                (layer.incoming.bias, mask),
                (layer.outgoing.weight, mask),
            ):
                if parameter.grad is not None:
                    parameter.grad.masked_fill_(where, 0)

    def hold(self) -> None:
        """Zeroes the removed nodes again, which the optimiser's momentum would move."""
        for i in self.held:
            hold_at_zero(self.nodes.layers[i], (self.zeroed or [])[i])

    def whole(self) -> Any:
        """A copy of the network in the dense shape, in which removed nodes are zero."""
        copy = deepcopy(self.network)
        widen(copy.node_layers(), self.nodes.index, self.nodes.sizes)
        return copy

    def state_dict(self) -> dict[str, list[Tensor] | None]:
        """index, and the nodes held at zero."""
        return {"index": self.nodes.index, "silent": self.zeroed}

    def reshape(self, state: dict[str, list[Tensor] | None]) -> None:
        """Gives the network, the optimiser and the method the shape that they had when `state` was
        written.
        """
        kept = [
            torch.zeros(size, dtype=torch.bool, device=i.device)
            for size, i in zip(self.nodes.sizes, self.nodes.index, strict=True)
        ]
        for mask, index in zip(kept, state["index"] or [], strict=True):
            mask[index] = True
        if not all(bool(mask.all()) for mask in kept):
            self._narrow(kept)
        self._keep_zeroed(state["silent"])
