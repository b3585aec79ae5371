"""Guided regularisation: some nodes are penalised more than others (Rafid and Sandu 2023, "Guided regularization",
arXiv 2305.18448).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from asr_prune.acoustic.network import NodeLayer
from asr_prune.options import options
from asr_prune.pruning.budget import strongest
from asr_prune.pruning.options import PruneOptions
from asr_prune.pruning.prefix import even_counts, prefix_share, reach, share_by_chance
from asr_prune.pruning.prox import decay, grouped, metric_of, soften
from asr_prune.pruning.proximal import Proximal, ProximalOptions


@options
class GuidedOptions(ProximalOptions):
    #: r: sum of magnitudes (l1), sum of squares (l2), Euclidean norm (group)
    norm: Literal["l1", "l2", "group"] = "group"
    #: how the penalty grows with a node's index; step and random_step penalise some nodes alike and the others not
    guide: Literal["linear", "power", "exponential", "step", "random_step"] = "linear"
    #: guide power: the exponent p of (j/N)^p
    exponent: float = 2.0
    #: guide exponential: the a of exp(a j/N)
    rate: float = 4.0
    #: guides step and random_step: the share of each layer that is spared altogether; null takes keep, or a half
    step_at: float | None = None
    #: rank keeps the highest scores, prefix the first nodes of each layer
    cut: Literal["rank", "prefix"] = "rank"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.exponent < 0 or self.rate < 0:
            raise ValueError("exponent and rate must be 0 or more: the penalty grows with the index")
        if self.step_at is not None and not 0 <= self.step_at < 1:
            raise ValueError(f"step_at must be at least 0 and below 1, not {self.step_at}")

    @property
    def spared(self) -> float:
        """The share of each layer that the guides step and random_step spare."""
        share = self.step_at if self.step_at is not None else self.keep
        return 0.5 if share is None else share


class Guided(Proximal):
    """`E = CE + lambda * sum_l sum_j g_lj * r(v_lj)` over all hidden nodes, with a guide g of mean 1 in each layer.

    Guides that grow with the index make the survivors tend to the front of their layers. Norms l1 and group reach exact
    zeros, and asked by `keep` lambda is steered; l2 does not, and is cut.
    """

    Options: ClassVar[type[PruneOptions]] = GuidedOptions
    options: GuidedOptions

    def __init__(self, options: GuidedOptions, layers: Sequence[NodeLayer]) -> None:
        super().__init__(options, layers)
        self.pulls = [guide(layer.size, options).to(w) for layer, w in zip(layers, self.weights, strict=True)]

    @property
    def has_zeros(self) -> bool:
        return self.options.norm != "l2"

    def prospects(self) -> list[Tensor]:
        """By rank: the nodes that would last the longest, their norms divided by what pulls at them."""
        if self.options.cut == "prefix":
            return self._first()
        lasting = [norms / pull.clamp_min(1e-6) for norms, pull in zip(self.ranking(), self.pulls, strict=True)]
        return strongest(lasting, self.target or 0, self.minima)

    def finish(self) -> list[Tensor]:
        """By prefix and strength: of each layer the shortest prefix that holds all that is alive."""
        return super().finish() if self.options.cut == "rank" else self._first()

    def _first(self) -> list[Tensor]:
        if self.target is None:
            reached = reach(self.dense(self.alive()))
            counts = [max(n, minimum) for n, minimum in zip(reached, self.minima, strict=True)]
        else:
            counts = even_counts(self.sizes, self.target, self.minima)
        return [index < count for index, count in zip(self.index, counts, strict=True)]

    def _fall(self, i: int) -> float:
        return float(grouped(self.weights[i], self.dim).shape[self.dim]) if self.options.norm == "l1" else 1.0

    def _shrink_layer(self, i: int, strength: Tensor, protected: Tensor) -> Tensor:
        if self.options.norm == "group":
            return super()._shrink_layer(i, strength, protected)
        weight = self.weights[i]
        scratch = self.scratch[weight.shape]
        metric, buffers = metric_of(self.optimiser, weight, scratch[0]), (scratch[1], scratch[2])
        if self.options.norm == "l1":
            return soften(weight, metric, strength, self.dim, protected, buffers)
        return decay(weight, metric, strength, self.dim, buffers)

    def scores(self) -> list[Tensor]:
        if self.options.norm == "l1":
            return [grouped(w.detach(), self.dim).abs().sum(self.dim) for w in self.weights]
        return super().scores()

    def figures(self, kept: Sequence[Tensor]) -> dict[str, Any]:
        return {"prefix_share": prefix_share(kept), "prefix_share_by_chance": share_by_chance(kept)}

    def end_of_epoch(self, dev_cross_entropy: float, pressing: bool) -> dict[str, Any]:
        told = super().end_of_epoch(dev_cross_entropy, pressing)
        return told | {"prefix_share": prefix_share(self.dense(self.alive()))}

    def state_dict(self) -> dict[str, Any]:
        return super().state_dict() | {"pulls": self.pulls}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        super().load_state_dict(state)
        self.pulls = state["pulls"]


def guide(size: int, options: GuidedOptions) -> Tensor:
    """g of the nodes j = 1..N of a layer, float32 [size], of mean 1; random_step draws from torch's random stream.

    linear j/N, power (j/N)^exponent, exponential exp(rate * j/N), step 0 for the first `spared` share and 1 after it,
    random_step the same in random order.
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
