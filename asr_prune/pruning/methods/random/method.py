"""A random cut, with the rest of the epochs to fine-tune: what a ranking of nodes must beat."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from asr_prune.acoustic.node_layer import NodeLayer
from asr_prune.pruning.method import Method
from asr_prune.pruning.methods.random.options import RandomOptions
from asr_prune.pruning.nodes import strongest
from asr_prune.pruning.scores import WeightScores


class Random(Method):
    """Trains as the dense network does until the cut, and removes nodes that are drawn from the
    run's random stream, the same share of every layer.
    """

    def __init__(self, options: RandomOptions, layers: Sequence[NodeLayer]) -> None:
        super().__init__(options, layers)
        self.score = WeightScores(self.nodes, "auto")

    def finish(self) -> list[Tensor]:
        nodes = self.nodes
        if nodes.target is None:
            return nodes.every_node()
        draws = [torch.rand(layer.size).to(layer.incoming.weight.device) for layer in nodes.layers]
        return [strongest([draw], count, [0])[0] for draw, count in zip(draws, nodes.even(), strict=True)]
