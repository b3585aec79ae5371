"""Scores of nodes by what they are worth to the loss: first-order Taylor and Fisher."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor

from asr_prune.acoustic.node_layer import NodeLayer, by_columns
from asr_prune.pruning.nodes import Nodes, narrowed
from asr_prune.pruning.parts import NodeScore
from asr_prune.pruning.scores import over_mean

#: what is accumulated of the slope of the loss of a mini-batch
LossKind = Literal["taylor", "fisher"]
#: updates over which slopes are averaged unless told
WINDOW = 200


def gate_slopes(layer: NodeLayer) -> Tensor:
    """The derivative of the mini-batch's loss by a gate on each node's output, at a gate of 1;
    [nodes]; 0 without a gradient.

    It is the sum over frames of `output * dloss/doutput`. That equals the sum over the outgoing
    vector of `weight * dloss/dweight`, which the backward pass has already computed.
    """
    weight, gradient = layer.outgoing.weight, layer.outgoing.weight.grad
    if gradient is None:
        return torch.zeros_like(layer.incoming.bias.detach())
    return by_columns(weight.detach() * gradient).sum(0)


class LossScore(NodeScore):
    """The mean over mini-batches of what the loss changes, to first order, if a node is removed.

    taylor: mean of `|slope|` (Molchanov, Tyree, Karras, Aila and Kautz 2017, arXiv 1611.06440,
    equation 8, per mini-batch); fisher: mean of `slope^2` (Molchanov, Mallya, Tyree, Frosio and
    Kautz 2019, arXiv 1906.10771, with a gate on each node); slope: `gate_slopes`. Layers are
    compared as they are: all scores are in the unit of the loss.

    The mean is that of the updates seen in the sparsify phase; after `window` of them older ones
    fade as `(1 - 1 / window)^age`. All nodes score 1 before the first. strength: nodes above
    `strength` times the mean score of their layer are alive.
    """

    def __init__(
        self,
        nodes: Nodes,
        kind: LossKind,
        window: int = WINDOW,
        strength: float = 0.0,
    ) -> None:
        super().__init__(nodes)
        self.kind, self.window, self.strength = kind, window, strength
        self.seen = 0
        self.mean = [torch.ones_like(layer.incoming.bias.detach()) for layer in nodes.layers]

    @torch.no_grad()
    def after_backward(self) -> None:
        self.seen += 1
        latest = 1 / min(self.seen, self.window)
        slopes = [gate_slopes(layer) for layer in self.nodes.layers]
        taylor = self.kind == "taylor"
        values = torch._foreach_abs(slopes) if taylor else torch._foreach_mul(slopes, slopes)
        torch._foreach_lerp_(self.mean, values, latest)

    def scores(self) -> list[Tensor]:
        return [mean.clone() for mean in self.mean]

    def alive(self) -> list[Tensor]:
        return [over_mean(mean) > self.strength for mean in self.mean]

    def narrow(self, kept: Sequence[Tensor]) -> None:
        self.mean = narrowed(self.mean, kept)

    def state_dict(self) -> dict[str, Any]:
        return {"loss_mean": self.mean, "loss_seen": self.seen}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.mean, self.seen = state["loss_mean"], state["loss_seen"]
