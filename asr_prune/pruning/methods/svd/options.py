"""Options of the singular value decomposition."""

from __future__ import annotations

from typing import ClassVar

from asr_prune.options import options
from asr_prune.pruning.options import PruneOptions


@options
class SvdOptions(PruneOptions):
    REMOVES: ClassVar[bool] = False
    #: fraction of the parameters of the dense network that the factored one has at most
    params: float = 0.25

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.keep is not None or self.strength is not None:
            raise ValueError("svd removes no nodes; give params, the fraction of the parameters, not keep or strength")
        if not 0 < self.params <= 1:
            raise ValueError(f"params must be above 0 and at most 1, not {self.params}")
        if self.output_rank is not None:
            raise ValueError("svd factors the output layer with the others; leave output_rank out")

    @property
    def params_asked(self) -> float | None:
        return self.params
