"""Gradual magnitude pruning of nodes (Zhu and Gupta 2017, "To prune, or not to prune: exploring the efficacy of pruning
for model compression", arXiv 1710.01878).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from torch import Tensor

from asr_prune.acoustic.network import NodeLayer
from asr_prune.options import options
from asr_prune.pruning.budget import minima_of, strongest
from asr_prune.pruning.method import Method
from asr_prune.pruning.options import PruneOptions
from asr_prune.pruning.scores import WeightScore, node_scores


@options
class GradualOptions(PruneOptions):
    #: as of magnitude: onorm, inorm, product; auto: product for ReLU, onorm for sigmoid
    score: WeightScore = "auto"
    #: updates between two removals
    every: int = 32

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.strength is not None:
            raise ValueError("gradual takes keep, the fraction of nodes to end with, not strength")
        if self.every < 1:
            raise ValueError(f"every must be 1 or more, not {self.every}")


class Gradual(Method):
    """Removes the lowest nodes a few at a time: after a share x of the press, n_f + (n_0 - n_f)(1 - x)^3 of the n_0
    nodes are left, many going early while there are many to choose from. What has gone stays gone.
    """

    Options: ClassVar[type[PruneOptions]] = GradualOptions
    options: GradualOptions

    def __init__(self, options: GradualOptions, layers: Sequence[NodeLayer]) -> None:
        super().__init__(options, layers)
        self.living = self.every_node()

    @property
    def folds(self) -> bool:
        return self.options.score == "inorm"

    def wanted(self, progress: float) -> int:
        """How many nodes are to be left at `progress`, 0 to 1, of the press."""
        nodes = sum(self.sizes)
        target = nodes if self.target is None else self.target
        return round(target + (nodes - target) * (1 - progress) ** 3)

    def after_step(self, step: int) -> None:
        if (step - self.plan.press_from) % self.options.every == 0 or step >= self.plan.cut_at:
            self._choose(self.plan.progress(step))

    def _choose(self, progress: float) -> None:
        keep = 1.0 if self.options.keep is None else self.options.keep
        share = keep + (1 - keep) * (1 - progress) ** 3
        minima = minima_of(self.sizes, share, self.options.min_nodes, self.options.floor)
        self.living = strongest(self.scores(), self.wanted(progress), minima)

    def gone(self) -> list[Tensor]:
        return [~mask for mask in self.living]

    def narrow(self, kept: Sequence[Tensor]) -> None:
        super().narrow(kept)
        self.living = [mask[k] for mask, k in zip(self.living, kept, strict=True)]

    def shares(self) -> list[float] | None:
        return [float(mask.sum()) / size for mask, size in zip(self.living, self.sizes, strict=True)]

    def scores(self) -> list[Tensor]:
        """Over the mean of the living nodes of the layer; 0 for those that have gone."""
        return node_scores(self.layers, self.options.score, self.living)

    def alive(self) -> list[Tensor]:
        return self.living

    def finish(self) -> list[Tensor]:
        return self.living

    def state_dict(self) -> dict[str, Any]:
        return {"living": self.living}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.living = state["living"]
