"""Group lasso on both vectors of a node together."""

from __future__ import annotations

import torch
from torch import Tensor

from asr_prune.acoustic.node_layer import by_columns, by_rows
from asr_prune.pruning import prox
from asr_prune.pruning.batches import LayerBatch
from asr_prune.pruning.methods.group_lasso.weighted import WeightedPenalty
from asr_prune.pruning.scores import PenalisedScore


class JointScore(PenalisedScore):
    """Norms of a node's incoming and outgoing weights together, `sqrt(||in||^2 + ||out||^2)`."""

    def scores(self) -> list[Tensor]:
        pairs = ((layer.norms("incoming"), layer.norms("outgoing")) for layer in self.nodes.layers)
        return [torch.hypot(into, out) for into, out in pairs]


class JointPenalty(WeightedPenalty):
    """The group of a node is its incoming and its outgoing vector.

    A weight between two hidden layers is in two groups, that of the node it leaves and that of the
    node it enters. The layers take their proximal steps one after another, which is the prox of
    each layer's groups but not of the sum of all. A ReLU node cannot escape by rescaling.
    """

    def no_decay(self) -> list[Tensor]:
        return self.nodes.weights()

    def hold_down(self) -> None:
        """Nothing is unpenalised."""

    def together(self) -> list[LayerBatch]:
        return [LayerBatch((i,), self.dim) for i in range(len(self.nodes.layers))]

    def shrink(self, batch: LayerBatch, strength: Tensor, protected: Tensor) -> Tensor:
        (i,) = batch.members
        layer = self.nodes.layers[i]
        into, out = layer.incoming.weight, layer.outgoing.weight
        metrics = [prox.metric_of(self.optimiser, w, torch.empty_like(w)) for w in (into, out)]
        group = torch.cat([by_rows(into), by_columns(out).T], 1)
        metric = torch.cat([by_rows(metrics[0]), by_columns(metrics[1]).T], 1)
        buffers = torch.empty_like(group), torch.empty_like(group)
        roots = prox.shrink_diagonal(group, metric, strength, 1, self.score.roots[i], protected, buffers)
        width = by_rows(into).shape[1]
        by_rows(into).copy_(group[:, :width])
        by_columns(out).copy_(group[:, width:].T)
        return roots
