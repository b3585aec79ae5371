"""Options of the random cut."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from asr_prune.options import options
from asr_prune.pruning.acts import Rule, never
from asr_prune.pruning.lengths import Length
from asr_prune.pruning.options import PruneOptions


@options
class RandomOptions(PruneOptions):
    EVEN: ClassVar[bool] = True
    ASKS: ClassVar[tuple[str, ...]] = ("keep", "budget")
    ACTS: ClassVar[Mapping[str, Rule]] = {
        **PruneOptions.ACTS,
        "floor": never("random takes the same share of every layer"),
    }
    #: as of magnitude, so that the two differ in their choice of nodes alone
    warm_up: Length = 0.1
    fine_tune: Length = 0.85

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.strength is not None:
            raise ValueError("random takes keep, the fraction of nodes to end with, not strength")
