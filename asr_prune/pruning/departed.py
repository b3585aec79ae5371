"""Nodes that are gone for good while the training goes on: taken out of the arithmetic, or held at zero."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy

import torch
from torch import Tensor, optim

from asr_prune.acoustic.network import Network, over_rows
from asr_prune.pruning.method import Method
from asr_prune.pruning.removal import hold_at_zero, narrow, spread, zero_nodes


class Departed:
    """Sees to it that what `method` calls gone computes nothing and comes back no more.

    With `live_shrink` the network, the optimiser and the method get smaller at once; without it the nodes stay, silent,
    and their gradients count as zero. Both are the same network after every update.
    """

    def __init__(self, method: Method, network: Network, optimiser: optim.Optimizer) -> None:
        self.method, self.network, self.optimiser = method, network, optimiser
        self.live = method.options.live_shrink
        #: nodes held at zero, boolean [nodes] a layer; None while there are none
        self.silent: list[Tensor] | None = None

    @torch.no_grad()
    def take(self, gone: Sequence[Tensor], last: bool = False) -> None:
        """The nodes in `gone`, boolean [nodes there are] a layer, go. Those that were taken before may be in it.

        last: no update follows, so that there is no arithmetic to save.
        """
        new = gone if self.silent is None else [g & ~s for g, s in zip(gone, self.silent, strict=True)]
        if not any(bool(mask.any()) for mask in new):
            return
        kept = [~mask for mask in gone]
        zero_nodes(self.method.layers, [~mask for mask in new], self.method.folds)
        if self.live and not last:
            narrow(self.method.layers, kept, self.optimiser)
            self.method.narrow(kept)
        else:
            self.silent = list(gone)

    @torch.no_grad()
    def hold_gradients(self) -> None:
        """So that clipping, and the optimiser, see what they would see without the silent nodes."""
        for layer, mask in zip(self.method.layers, self.silent or [], strict=False):
            for parameter, where in (
                (layer.incoming.weight, over_rows(mask, layer.incoming.weight)),
                (layer.incoming.bias, mask),
                (layer.outgoing.weight, mask),
            ):
                if parameter.grad is not None:
                    parameter.grad.masked_fill_(where, 0)

    def hold(self) -> None:
        """Zeroes the silent nodes again, which the optimiser's momentum would move."""
        if self.silent is not None:
            hold_at_zero(self.method.layers, [~mask for mask in self.silent])

    def whole(self) -> Network:
        """A copy of the network in the dense shape, what is gone being zero."""
        copy = deepcopy(self.network)
        spread(copy.node_layers(), self.method.index, self.method.sizes)
        return copy

    def state_dict(self) -> dict[str, list[Tensor] | None]:
        return {"index": self.method.index, "silent": self.silent}

    def reshape(self, state: dict[str, list[Tensor] | None]) -> None:
        """Gives the network, the optimiser and the method the shape that they had when `state` was written."""
        kept = [
            torch.zeros(size, dtype=torch.bool, device=i.device)
            for size, i in zip(self.method.sizes, self.method.index, strict=True)
        ]
        for mask, index in zip(kept, state["index"] or [], strict=True):
            mask[index] = True
        if not all(bool(mask.all()) for mask in kept):
            narrow(self.method.layers, kept, self.optimiser)
            self.method.narrow(kept)
        self.silent = state["silent"]
