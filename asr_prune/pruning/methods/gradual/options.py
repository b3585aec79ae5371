"""Options of gradual magnitude pruning."""

from __future__ import annotations

from asr_prune.options import options
from asr_prune.pruning.options import WeightOptions, WeightScore


@options
class GradualOptions(WeightOptions):
    #: score of a node, as of magnitude: onorm, inorm, product; auto: product for ReLU, onorm for
    #: sigmoid
    score: WeightScore = "auto"
    #: updates between two removals
    every: int = 32

    def __post_init__(self) -> None:
        if self.strength is not None:
            raise ValueError("gradual takes keep, the fraction of nodes to end with, not strength")
        super().__post_init__()
        if self.every < 1:
            raise ValueError(f"every must be 1 or more, not {self.every}")
