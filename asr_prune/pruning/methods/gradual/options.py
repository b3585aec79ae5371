"""Options of gradual magnitude pruning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from asr_prune.options import options
from asr_prune.pruning.acts import Rule, where
from asr_prune.pruning.lengths import Length
from asr_prune.pruning.weight_options import WeightOptions


@options
class GradualOptions(WeightOptions):
    OF_WEIGHTS: ClassVar[dict[str, Any]] = {"fine_tune": 0.35}
    ASKS: ClassVar[tuple[str, ...]] = ("keep", "budget")
    ACTS: ClassVar[Mapping[str, Rule]] = {
        **WeightOptions.ACTS,
        "window": where("score", "taylor", "fisher"),
    }
    #: score of a node, as of magnitude: onorm, inorm, product; taylor, fisher; auto: product for
    #: ReLU, onorm for sigmoid
    score: Literal["auto", "onorm", "inorm", "product", "taylor", "fisher"] = "auto"
    #: scores taylor and fisher: updates over which slopes of the loss are averaged
    window: int = 200
    #: the nodes are gone sooner than a penalty would bring them to zero, so more time remains
    fine_tune: Length = 0.65
    #: updates between two removals
    every: int = 32

    def __post_init__(self) -> None:
        if self.strength is not None:
            raise ValueError("gradual takes keep, the fraction of nodes to end with, not strength")
        super().__post_init__()
        if min(self.every, self.window) < 1:
            raise ValueError("every and window must be 1 or more")
