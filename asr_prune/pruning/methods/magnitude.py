"""One-shot magnitude pruning of nodes, with the rest of the epochs to fine-tune (He, Fan, Qian, Tan and Yu 2014,
"Reshaping deep neural network for fast decoding by node-pruning").
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import torch
from torch import Tensor

from asr_prune.acoustic.network import NodeLayer
from asr_prune.options import options
from asr_prune.pruning.method import Method
from asr_prune.pruning.options import PruneOptions


@options
class MagnitudeOptions(PruneOptions):
    #: onorm: mean |outgoing|; inorm: mean |incoming|; product: ||incoming|| * ||outgoing||, which rescaling a ReLU node
    #: does not change; auto: product for ReLU, onorm for sigmoid
    score: Literal["auto", "onorm", "inorm", "product"] = "auto"


def node_scores(layers: Sequence[NodeLayer], score: str) -> list[Tensor]:
    """He et al.'s node scores and the product of norms (ours), each divided by its layer's mean (ours) so that layers
    compare; float [nodes] a layer.
    """
    raw = []
    for layer in layers:
        if score == "auto":
            score = "product" if layer.activation is torch.relu else "onorm"
        if score == "product":
            raw.append(layer.norms("product"))
        else:
            weight = layer.outgoing.weight.T if score == "onorm" else layer.incoming.weight
            raw.append(weight.detach().abs().mean(1))
    return [s / s.mean().clamp_min(1e-20) for s in raw]


class Magnitude(Method):
    """Trains as the dense network does until the cut, cuts the lowest scores, trains the survivors on for `release` of
    the updates.
    """

    Options: ClassVar[type[PruneOptions]] = MagnitudeOptions
    options: MagnitudeOptions

    @property
    def penalises(self) -> bool:
        return False

    @property
    def folds(self) -> bool:
        return self.options.score == "inorm"

    def alive(self) -> list[Tensor]:
        """Asked by strength: the nodes whose score is above `strength` times their layer's mean score."""
        return [score > (self.options.strength or 0.0) for score in self.scores()]

    def scores(self) -> list[Tensor]:
        return node_scores(self.layers, self.options.score)
