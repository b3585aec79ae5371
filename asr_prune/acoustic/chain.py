"""Networks that are one sequence of affine maps with nodes between them."""

from __future__ import annotations

from itertools import pairwise

from torch import nn

from asr_prune.acoustic.network import Network
from asr_prune.acoustic.node_layer import NodeLayer


class Chain(Network):
    """`maps` in sequence, an activation after each but the last. Every map can be factored; the
    nodes before a factored map are columns of its first factor, those after it rows of its second.
    """

    @property
    def affine(self) -> list[nn.Linear]:
        return [factor for i in range(len(self.maps)) for factor in self.factors(i)]

    def node_layers(self) -> list[NodeLayer]:
        factors = [self.factors(i) for i in range(len(self.maps))]
        last = len(factors) - 2
        return [
            NodeLayer(before[-1], after[0], self.act, tuple(after[1:]), gives_logits=i == last)
            for i, (before, after) in enumerate(pairwise(factors))
        ]
