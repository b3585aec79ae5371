"""Options of methods that prune nodes or single weights; read without torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from asr_prune.options import options
from asr_prune.pruning.acts import Rule, where
from asr_prune.pruning.lengths import Length
from asr_prune.pruning.options import PruneOptions


@options
class WeightOptions(PruneOptions):
    """Of methods that prune nodes or single weights."""

    DEFAULT_SPARSITY: ClassVar[float] = 0.8
    ACTS: ClassVar[Mapping[str, Rule]] = {
        **PruneOptions.ACTS,
        "output_layer": where("granularity", "weight"),
    }
    #: what is pruned: nodes (give keep) or single weights (give sparsity)
    granularity: Literal["weight", "node"] = "node"
    #: granularity weight: fraction of the weights that is masked; null: the method's default
    sparsity: float | None = None
    #: granularity weight: whether to mask the output layer's weights too
    output_layer: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.granularity == "weight" and self.keep is not None:
            raise ValueError(
                "keep counts nodes; with granularity weight give sparsity instead, or set granularity node"
            )
        if self.granularity == "weight" and self.budget is not None:
            raise ValueError(
                "budget is met by removing nodes; with granularity weight give sparsity, or set granularity node"
            )
        if self.granularity == "weight" and self.strength is not None:
            raise ValueError("strength is of nodes; with granularity weight give sparsity instead")
        if self.granularity == "weight" and getattr(self, "score", "auto") != "auto":
            raise ValueError("score is of nodes; weights are ranked by magnitude, so leave score out")
        if self.granularity == "node" and self.sparsity is not None:
            raise ValueError("sparsity counts weights; with granularity node give keep instead")
        if self.sparsity is not None and not 0 <= self.sparsity < 1:
            raise ValueError(f"sparsity must be at least 0 and below 1, not {self.sparsity}")
        if self.removes_inputs and self.granularity == "weight":
            raise ValueError("inputs are removed as nodes are; set granularity node, or leave inputs out")
        if self.release_rate is not None and self.granularity == "weight":
            raise ValueError("release_rate is for cuts of nodes; set granularity node, or leave release_rate out")
        if self.output_rank is not None and self.granularity == "weight":
            raise ValueError("output_rank follows a cut of nodes; set granularity node, or leave output_rank out")

    @property
    def sparsity_asked(self) -> float | None:
        return self.masked if self.granularity == "weight" else None

    @property
    def masked(self) -> float:
        """The fraction of weights or of nodes that is masked in the end."""
        if self.granularity == "node" and self.keep is not None:
            return 1 - self.keep
        return self.DEFAULT_SPARSITY if self.sparsity is None else self.sparsity


@options
class SparseOptions(WeightOptions):
    """Of methods that mask single weights or nodes throughout the run, in phases of their own."""

    DEFAULT_SPARSITY: ClassVar[float] = 0.3
    #: what is masked: single weights (give sparsity) or the outgoing vectors of nodes (give keep)
    granularity: Literal["weight", "node"] = "weight"
    #: unused
    warm_up: Length = 0.0
    #: unused
    fine_tune: Length = 0.0

    def __post_init__(self) -> None:
        if self.strength is not None:
            raise ValueError(f"{self.method} has no strength; give sparsity, or keep with granularity node")
        if self.warm_up or self.fine_tune:
            raise ValueError(f"{self.method} has phases of its own; leave warm_up and fine_tune at 0")
        for key in ("press", "release_rate"):
            if getattr(self, key) is not None:
                raise ValueError(f"{key} has no meaning for {self.method}, which has phases of its own")
        if self.output_rank is not None:
            raise ValueError(f"{self.method} has no training after a cut, which two maps need; leave output_rank out")
        super().__post_init__()
