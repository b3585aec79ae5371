"""Gradual magnitude pruning of nodes (Zhu and Gupta 2017, "To prune, or not to prune: exploring the
efficacy of pruning for model compression", arXiv 1710.01878).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from asr_prune.acoustic.node_layer import NodeLayer
from asr_prune.pruning.method import Method
from asr_prune.pruning.methods.gradual.options import GradualOptions
from asr_prune.pruning.nodes import Nodes, narrowed
from asr_prune.pruning.parts import ActingWeights
from asr_prune.pruning.reading import read
from asr_prune.pruning.saliency import LossKind, LossScore
from asr_prune.pruning.scores import WeightScores, node_scores
from asr_prune.pruning.weight_masks import MaskingSchedule, WeightMasks

#: nodes that each layer has to spare before the last choice for a budget
_SPARE = 6


class Gradual(Method):
    """Removes the lowest nodes a few at a time: the number of nodes follows a cubic schedule from
    all to the target, so that many go early, while there are many to choose from. Removed nodes
    stay removed. With granularity weight, single weights of all layers instead of nodes.
    """

    def __init__(self, options: GradualOptions, layers: Sequence[NodeLayer]) -> None:
        super().__init__(options, layers)
        if options.granularity == "weight":
            self.schedule: MaskingSchedule = MaskingSchedule(options.warm_up, options.fine_tune, options.press)
            self.weights: ActingWeights = WeightMasks(options, self.nodes, self.schedule, options.every)
        else:
            self.score: LivingScores | LivingLoss = _score(options, self.nodes)
            self.weights = GradualRemoval(options, self.nodes, self.score)

    def finish(self) -> list[Tensor]:
        """What is left: nothing is cut at the end."""
        return self.score.alive()


class LivingScores(WeightScores):
    """Weight scores over the mean of the living nodes of the layer; 0 for removed nodes.

    living: boolean [nodes] a layer.
    """

    def __init__(self, nodes: Nodes, score: str) -> None:
        super().__init__(nodes, score)
        self.living = nodes.every_node()

    def scores(self) -> list[Tensor]:
        return node_scores(self.nodes.layers, self.score, self.living)

    def alive(self) -> list[Tensor]:
        return self.living

    def narrow(self, kept: Sequence[Tensor]) -> None:
        self.living = narrowed(self.living, kept)

    def state_dict(self) -> dict[str, Any]:
        return {"living": self.living}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.living = state["living"]


class LivingLoss(LossScore):
    """What living nodes are worth to the loss; 0 for removed nodes. living: boolean [nodes] a
    layer.
    """

    def __init__(self, nodes: Nodes, kind: LossKind, window: int) -> None:
        super().__init__(nodes, kind, window)
        self.living = nodes.every_node()

    def scores(self) -> list[Tensor]:
        return [mean * mask for mean, mask in zip(self.mean, self.living, strict=True)]

    def alive(self) -> list[Tensor]:
        return self.living

    def narrow(self, kept: Sequence[Tensor]) -> None:
        super().narrow(kept)
        self.living = narrowed(self.living, kept)

    def state_dict(self) -> dict[str, Any]:
        return super().state_dict() | {"living": self.living}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        super().load_state_dict(state)
        self.living = state["living"]


def _score(options: GradualOptions, nodes: Nodes) -> LivingScores | LivingLoss:
    if options.score == "taylor" or options.score == "fisher":
        return LivingLoss(nodes, options.score, options.window)
    return LivingScores(nodes, options.score)


def _with_next(chosen: Tensor, scores: Tensor, living: Tensor) -> Tensor:
    """`chosen` and the best `_SPARE` other living nodes, [nodes]: at the end this layer may have
    room for them in place of dearer ones of another.
    """
    others = scores.masked_fill(chosen | ~living, -1)
    best = torch.zeros_like(chosen).scatter(0, others.topk(min(_SPARE, len(others))).indices, True)
    return chosen | (best & (others >= 0))


class GradualRemoval(ActingWeights):
    """Removes nodes every few updates of the sparsify phase."""

    def __init__(self, options: GradualOptions, nodes: Nodes, score: LivingScores | LivingLoss) -> None:
        self.options, self.nodes, self.score = options, nodes, score
        self.chosen = False  # after this update
        self.acting_shares: list[float] | None = None

    @property
    def raises_dev(self) -> bool:
        return True

    def after_step(self, step: int) -> None:
        self.chosen = (step - self.phases.sparsify_from) % self.options.every == 0 or step >= self.phases.cut_at
        if self.chosen:
            self._choose(self.phases.progress(step))

    def _choose(self, progress: float) -> None:
        limit, minima = self.nodes.request.after(progress, self.nodes.target)
        scores, before = self.score.scores(), self.score.living
        living = self.nodes.strongest(scores, limit, minima)
        if progress < 1 and self.options.budget is not None:
            living = [_with_next(*layer) for layer in zip(living, scores, before, strict=True)]
        self.score.living = living
        self.acting_shares = None

    def gone(self) -> list[Tensor] | None:
        return [~mask for mask in self.score.living] if self.chosen else None

    def shares(self) -> list[float]:
        if self.acting_shares is None:
            counts = read(mask.sum() for mask in self.score.living)
            self.acting_shares = [count / size for count, size in zip(counts, self.nodes.sizes, strict=True)]
        return self.acting_shares

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.acting_shares = None
