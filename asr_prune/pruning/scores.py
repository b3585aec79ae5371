"""Scores of nodes by the size of their weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from asr_prune.acoustic.network import NodeLayer, by_columns, by_rows

WeightScore = Literal["auto", "onorm", "inorm", "product"]


def node_scores(layers: Sequence[NodeLayer], score: str, living: Sequence[Tensor] | None = None) -> list[Tensor]:
    """He et al.'s node scores (2014) and the product of norms (ours), each divided by its layer's mean (ours) so that
    layers compare; float [nodes] a layer.

    onorm: mean |outgoing|; inorm: mean |incoming|; product: ||incoming|| * ||outgoing||; auto: product for ReLU, onorm
    for others. living: boolean [nodes] a layer, the nodes that the mean is taken over; None for all.
    """
    raw = [_raw(layer, score) for layer in layers]
    return [over_mean(s, None if living is None else living[i]) for i, s in enumerate(raw)]


def over_mean(scores: Tensor, living: Tensor | None = None) -> Tensor:
    """Scores over the mean of those that are `living` (all of them if None), [nodes]."""
    counted = scores if living is None else scores[living]
    return scores / counted.mean().clamp_min(1e-20)


def _raw(layer: NodeLayer, score: str) -> Tensor:
    if score == "auto":
        score = "product" if layer.activation is torch.relu else "onorm"
    if score == "product":
        return layer.norms("product")
    vectors = by_columns(layer.outgoing.weight).T if score == "onorm" else by_rows(layer.incoming.weight)
    return vectors.detach().abs().mean(1)
