"""Guided regularisation: some nodes are penalised more than others (Rafid and Sandu 2023, "Guided
regularization", arXiv 2305.18448).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from asr_prune.acoustic.node_layer import NodeLayer
from asr_prune.pruning.batches import LayerBatch, as_groups
from asr_prune.pruning.method import Method
from asr_prune.pruning.methods.guided.options import GuidedOptions
from asr_prune.pruning.nodes import Nodes, prefix_share, reach, share_by_chance
from asr_prune.pruning.prox import decay, sgd_metric, soften
from asr_prune.pruning.proximal import ProximalPenalty, ProximalStep
from asr_prune.pruning.scores import PenalisedScore


class Guided(Method):
    """`E = CE + lambda * sum_l sum_j g_lj * r(v_lj)` over all hidden nodes, with a guide g of mean
    1 in each layer.

    With guides that grow with the index, the nodes that remain tend to be the first of their
    layers. Norms l1 and group reach exact zeros, and with `keep` lambda is steered; l2 does not,
    and is cut by rank.
    """

    def __init__(self, options: GuidedOptions, layers: Sequence[NodeLayer]) -> None:
        super().__init__(options, layers)
        tolerance = options.tolerance if options.norm == "l2" else None
        self.score: PenalisedScore = PenalisedScore(self.nodes, options.vectors, tolerance, l1=options.norm == "l1")
        self.penalty = GuidedPenalty(options, self.nodes, self.score)
        self.prefix = options.cut == "prefix"

    def finish(self) -> list[Tensor]:
        """With cut prefix and strength: of each layer the shortest prefix that contains all living
        nodes.
        """
        return prefixes(self.nodes, self.score) if self.prefix else super().finish()

    def figures(self, kept: Sequence[Tensor]) -> dict[str, Any]:
        return {"prefix_share": prefix_share(kept), "prefix_share_by_chance": share_by_chance(kept)}

    def end_of_epoch(self, dev_cross_entropy: float, sparsifying: bool) -> dict[str, Any]:
        figures = super().end_of_epoch(dev_cross_entropy, sparsifying)
        return figures | {"prefix_share": prefix_share(self.nodes.dense(self.score.alive()))}


class GuidedPenalty(ProximalPenalty):
    """The proximal step of r, pulled by the guide."""

    options: GuidedOptions

    def __init__(self, options: GuidedOptions, nodes: Nodes, score: PenalisedScore) -> None:
        super().__init__(options, nodes, score)
        pairs = zip(nodes.layers, self.vectors, strict=True)
        if options.budget is not None and options.step_at is None:
            options = replace(options, step_at=min(nodes.share, 0.999))
        self.pulls = [guide(layer.size, options).to(w) for layer, w in pairs]

    def prospects(self) -> list[Tensor]:
        """With cut rank: the nodes that would last the longest, by their norms over what pulls at
        them.
        """
        if self.options.cut == "prefix":
            return prefixes(self.nodes, self.score)
        both = zip(self.score.ranking(), self.pulls, strict=True)
        lasting = [n / pull.clamp_min(1e-6) for n, pull in both]
        return self.nodes.strongest(lasting)

    def fall(self, i: int) -> float:
        return float(as_groups(self.vectors[i], self.dim).shape[self.dim]) if self.options.norm == "l1" else 1.0

    def step(self, batch: LayerBatch, given: ProximalStep) -> Tensor:
        if self.options.norm == "group":
            return super().step(batch, given)
        matrix, metric, strength, protected, buffers = given
        if metric is None:
            metric = sgd_metric(self.optimiser, self.vectors[batch.members[0]], matrix)
        if self.options.norm == "l1":
            return soften(matrix, metric, strength, batch.dim, protected, buffers)
        return decay(matrix, metric, strength, batch.dim, buffers)

    def state_dict(self) -> dict[str, Any]:
        return super().state_dict() | {"pulls": self.pulls}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        super().load_state_dict(state)
        self.pulls = state["pulls"]


def prefixes(nodes: Nodes, score: PenalisedScore) -> list[Tensor]:
    """The first nodes of each layer: the target shared out evenly, or as many as contain all living
    nodes.
    """
    if nodes.target is None:
        reached = reach(nodes.dense(score.alive()))
        counts = [max(n, minimum) for n, minimum in zip(reached, nodes.minima, strict=True)]
    else:
        counts = nodes.even()
    return [index < count for index, count in zip(nodes.index, counts, strict=True)]


def guide(size: int, options: GuidedOptions) -> Tensor:
    """g of the nodes j = 1..N of a layer, float32 [size], of mean 1; random_step draws from torch's
    random stream.

    linear j/N, power (j/N)^exponent, exponential exp(rate * j/N), step 0 for the first `spared`
    fraction and 1 after it, random_step the same in random order.
    """
    place = torch.arange(1, size + 1) / size
    if options.guide == "linear":
        g = place
    elif options.guide == "power":
        g = place**options.exponent
    elif options.guide == "exponential":
        g = torch.exp(options.rate * place)
    else:
        g = (torch.arange(size) >= round(options.spared * size)).float()
        g = g[torch.randperm(size)] if options.guide == "random_step" else g
    return g / g.mean().clamp_min(1e-30)
