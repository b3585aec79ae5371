"""Options of the singular value decomposition."""

from __future__ import annotations

from typing import ClassVar

from asr_prune.options import options
from asr_prune.pruning.options import PruneOptions


@options
class SvdOptions(PruneOptions):
    REMOVES: ClassVar[bool] = False
    FACTORS: ClassVar[bool] = True
    ASKS: ClassVar[tuple[str, ...]] = ("budget",)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.keep is not None or self.strength is not None:
            raise ValueError("svd removes no nodes; give budget, for instance {params: 0.25}, not keep or strength")
        if self.output_rank is not None:
            raise ValueError("svd factors the output layer with the others; leave output_rank out")
        if self.budget is not None and self.budget.priced:
            raise ValueError(f"svd takes a budget of params or macs, not of {self.budget.kind}")
