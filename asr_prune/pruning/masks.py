"""Masks of the largest, and what a node is measured by where nodes are masked."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from asr_prune.acoustic.network import NodeLayer


def largest(values: Sequence[Tensor], count: int) -> list[Tensor]:
    """Masks of the `count` largest of all values together, boolean of the same shapes.

    Exactly `count` are True; ties go to the earlier tensor and index, on any device.
    """
    flat = torch.cat([v.flatten() for v in values])
    if count == 0:
        return [torch.zeros_like(v, dtype=torch.bool) for v in values]
    threshold = _smallest(flat, len(flat) - count + 1)
    mask = flat >= threshold
    if surplus := int(mask.count_nonzero()) - count:
        mask[(flat == threshold).nonzero().flatten()[-surplus:]] = False
    parts = mask.split([v.numel() for v in values])
    return [part.view(v.shape) for part, v in zip(parts, values, strict=True)]


def _smallest(flat: Tensor, k: int) -> Tensor:
    """The k-th smallest value, [] (numpy's selection is ten times as fast as torch's on a CPU)."""
    if flat.is_cuda:
        return flat.kthvalue(k).values
    return torch.from_numpy(np.partition(flat.numpy(), k - 1)[k - 1 : k])[0]


def node_norms(layers: Sequence[NodeLayer]) -> list[Tensor]:
    """Norms that rank nodes, float [nodes] a layer: ||incoming|| * ||outgoing|| for ReLU, which rescaling a node does
    not change, ||outgoing|| otherwise.
    """
    return [layer.norms("product" if layer.activation is torch.relu else "outgoing") for layer in layers]


def weights_of(layers: Sequence[NodeLayer], output: bool = True) -> list[Tensor]:
    """Every weight matrix into and out of `layers` once, in order; the output layer's only if `output`."""
    pairs = ((layer.incoming.weight, layer.outgoing.weight, output or not layer.gives_logits) for layer in layers)
    weights = [weight for first, second, both in pairs for weight in ([first, second] if both else [first])]
    return list({id(weight): weight for weight in weights}.values())
