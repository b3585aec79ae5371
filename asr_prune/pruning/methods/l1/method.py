"""L1 regularisation of all weights, cut by node norms: scattered zeros, to compare structured ones
with.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from asr_prune.acoustic.node_layer import NodeLayer
from asr_prune.pruning.batches import LayerBatch, Scratch, batches
from asr_prune.pruning.method import Method
from asr_prune.pruning.methods.l1.options import L1Options
from asr_prune.pruning.nodes import Nodes
from asr_prune.pruning.parts import Penalty
from asr_prune.pruning.prox import batch_metric, sgd_metric, soften
from asr_prune.pruning.scores import NormScore


class L1(Method):
    """`E = CE + lambda * sum |w|` over all weights in the sparsify phase; nodes are ranked by the
    L1 norms of their vectors.
    """

    def __init__(self, options: L1Options, layers: Sequence[NodeLayer]) -> None:
        super().__init__(options, layers)
        self.score = NormScore(self.nodes, options.vectors, options.tolerance, l1=True)
        self.penalty = L1Penalty(options, self.nodes, self.score)


class L1Penalty(Penalty):
    """Soft thresholding after the update, in the optimiser's metric.

    One step takes at most nine tenths of the largest incoming weight of a node that its layer must
    keep (in the last layer, of the largest outgoing one, too): its vector does not become zero.
    """

    def __init__(self, options: L1Options, nodes: Nodes, score: NormScore) -> None:
        self.nodes, self.score, self.every = nodes, score, options.every
        self.strength = options.penalty if options.strength is None else options.strength
        self.scratch = Scratch()

    @property
    def raises_dev(self) -> bool:
        return True

    def no_decay(self) -> list[Tensor]:
        return self.nodes.weights()

    @torch.no_grad()
    def after_step(self, step: int) -> None:
        if self.strength == 0 or (step % self.every and step != self.phases.cut_at):
            return
        protected = self.nodes.minimal(self.score.scores())
        pairs = list(zip(self.nodes.layers, protected, strict=True))
        spared = {id(m.weight): (0, mask) for layer, mask in pairs for m, axis in layer.sides() if axis}
        spared |= {id(m.weight): (1, mask) for layer, mask in pairs for m, axis in layer.sides() if not axis}
        for side in (0, 1):
            weights = [weight for weight in self.nodes.weights() if spared[id(weight)][0] == side]
            masks = [spared[id(weight)][1] for weight in weights]
            for batch in batches(weights, side):
                self._soften(batch, batch.own(weights), batch.vector(masks))

    def _soften(self, batch: LayerBatch, own: Sequence[Tensor], protected: Tensor) -> None:
        matrix = batch.matrix(own)
        first, *buffers = self.scratch.like(matrix)
        metric = batch_metric(self.optimiser, own, batch, first)
        if metric is None:
            metric = sgd_metric(self.optimiser, own[0], matrix)
        strength = torch.full_like(protected, self.strength * self.every, dtype=matrix.dtype)
        soften(matrix, metric, strength, batch.dim, protected, buffers)
        batch.put_back(matrix, own)
