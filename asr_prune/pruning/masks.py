"""Masks of the largest, and what a node is measured by where nodes are masked."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from asr_prune.acoustic.network import NodeLayer


def largest(values: Sequence[Tensor], count: int) -> list[Tensor]:
    """Masks of the `count` largest of all values together, boolean of the same shapes.

    Exactly `count` are True; ties go to the earlier tensor and index, on any device.
    """
    flat = torch.cat([v.flatten() for v in values])
    mask = torch.zeros_like(flat, dtype=torch.bool)
    if count > 0:
        threshold = flat.kthvalue(len(flat) - count + 1).values
        torch.gt(flat, threshold, out=mask)
        room = count - int(mask.sum())
        mask[(flat == threshold).nonzero().flatten()[:room]] = True
    parts = mask.split([v.numel() for v in values])
    return [part.view(v.shape) for part, v in zip(parts, values, strict=True)]


def node_norms(layers: Sequence[NodeLayer]) -> list[Tensor]:
    """Norms that rank nodes, float [nodes] a layer: ||incoming|| * ||outgoing|| for ReLU, which rescaling a node does
    not change, ||outgoing|| otherwise.
    """
    return [layer.norms("product" if layer.activation is torch.relu else "outgoing") for layer in layers]


def weights_of(layers: Sequence[NodeLayer], output: bool) -> list[Tensor]:
    """Every weight matrix once, input to output; the output layer's only if `output`."""
    inner = [layer.incoming.weight for layer in layers]
    return [*inner, layers[-1].outgoing.weight] if output else inner
