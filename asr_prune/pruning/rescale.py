"""Rescaling ReLU nodes, which changes what is large in them and not what they compute."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from asr_prune.acoustic.network import NodeLayer

MOST = 2.0


@torch.no_grad()
def hold_norms(layers: Sequence[NodeLayer], held: str, norms: Sequence[Tensor]) -> None:
    """Rescales every node of a ReLU layer, in place, so that its `held` vector (incoming or outgoing) has the norm
    given.

    relu(c x) = c relu(x) for c > 0: the incoming vector and bias are multiplied by c, the outgoing vector divided by
    it, and the network computes what it did. A penalty on one vector of a node can then not be escaped by growing the
    other. norms: float [nodes] a layer. One call changes a node by at most a factor of 2; zero vectors stay as they
    are, and so do layers with another activation.
    """
    for layer, wanted in zip(layers, norms, strict=True):
        if layer.activation is not torch.relu:
            continue
        now = layer.norms(held)
        factor = torch.where((now > 0) & (wanted > 0), wanted / now.clamp_min(1e-30), 1.0).clamp(1 / MOST, MOST)
        factor = factor if held == "incoming" else 1 / factor
        layer.incoming.weight.mul_(factor[:, None])
        layer.incoming.bias.mul_(factor)
        layer.outgoing.weight.div_(factor)
