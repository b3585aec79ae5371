"""Rescaling ReLU nodes, which changes what is large in them and not what they compute."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from asr_prune.acoustic.network import NodeLayer, over_rows

MOST = 2.0


@torch.no_grad()
def hold_down(layers: Sequence[NodeLayer], side: str, norms: Sequence[Tensor]) -> None:
    """Rescales ReLU nodes, in place, whose vector of `side` (incoming or outgoing) has outgrown the norm given.

    relu(c x) = c relu(x) for c > 0: one vector (the incoming one with the bias) is multiplied by c, the other divided
    by it, and the network computes what it did. A penalty on one vector of a node can then not be escaped by growing
    the other. Vectors are never scaled up: a layer's rows shrink when the penalty shrinks the columns of the layer
    before, and scaling them up would undo that. norms: float [nodes] a layer. One call changes a node by at most a
    factor of 2; layers with another activation stay as they are.
    """
    for layer, allowed in zip(layers, norms, strict=True):
        if layer.activation is not torch.relu:
            continue
        excess = (layer.norms(side) / allowed.clamp_min(1e-30)).clamp(1, MOST)
        factor = 1 / excess if side == "incoming" else excess
        layer.incoming.weight.mul_(over_rows(factor, layer.incoming.weight))
        layer.incoming.bias.mul_(factor)
        layer.outgoing.weight.div_(factor)
