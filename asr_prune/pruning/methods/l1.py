"""L1 regularisation of all weights, cut by node norms: scattered zeros, to compare structured ones with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import torch
from torch import Tensor

from asr_prune.acoustic.network import NodeLayer
from asr_prune.options import options
from asr_prune.pruning.masks import weights_of
from asr_prune.pruning.method import Method
from asr_prune.pruning.options import PruneOptions
from asr_prune.pruning.prox import grouped, metric_of, soften


@options
class L1Options(PruneOptions):
    #: whose norms rank the nodes at the cut
    vectors: Literal["outgoing", "incoming"] = "outgoing"
    #: weight of the penalty lambda * sum |w| when the nodes are asked for by keep
    penalty: float = 1e-4
    #: updates between two soft thresholdings, each as strong as the updates it stands for
    every: int = 8
    #: asked by strength: norms at or below this share of the layer's largest count as zero
    tolerance: float = 1e-3

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.penalty < 0 or self.tolerance < 0:
            raise ValueError("penalty and tolerance must be 0 or more")
        if self.every < 1:
            raise ValueError(f"every must be 1 or more, not {self.every}")


class L1(Method):
    """`E = CE + lambda * sum |w|` over all weights in the press, by soft thresholding after the update in the
    optimiser's metric; nodes are ranked by the raw sums of magnitudes of their vectors.
    """

    Options: ClassVar[type[PruneOptions]] = L1Options
    options: L1Options

    def __init__(self, options: L1Options, layers: Sequence[NodeLayer]) -> None:
        super().__init__(options, layers)
        self.strength = options.penalty if options.strength is None else options.strength
        self.scratch = {w.shape: tuple(torch.empty_like(w) for _ in range(3)) for w in self.weights}

    @property
    def folds(self) -> bool:
        return self.options.vectors == "incoming"

    @property
    def weights(self) -> list[Tensor]:
        """Every weight matrix once, input to output."""
        return weights_of(self.layers)

    def no_decay(self) -> list[Tensor]:
        return self.weights

    @torch.no_grad()
    def after_step(self, step: int) -> None:
        if self.strength == 0 or (step % self.options.every and step != self.plan.cut_at):
            return
        for weight in self.weights:
            scratch = self.scratch[weight.shape]
            metric = metric_of(self.optimiser, weight, scratch[0])
            strength = weight.new_full((weight.shape[-1],), self.strength * self.options.every)
            soften(weight, metric, strength, 0, torch.zeros_like(strength, dtype=torch.bool), (scratch[1], scratch[2]))

    def alive(self) -> list[Tensor]:
        return [norms > self.options.tolerance * norms.max() for norms in self.scores()]

    def scores(self) -> list[Tensor]:
        dim, side = (0, "outgoing") if self.options.vectors == "outgoing" else (1, "incoming")
        return [grouped(getattr(layer, side).weight.detach(), dim).abs().sum(dim) for layer in self.layers]
