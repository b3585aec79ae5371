"""Options of L2 regularisation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, Literal

from asr_prune.options import options
from asr_prune.pruning.acts import Rule, where_free
from asr_prune.pruning.lengths import Length
from asr_prune.pruning.options import PruneOptions


@options
class L2Options(PruneOptions):
    PANEL: ClassVar[int | None] = 2
    ELSEWHERE: ClassVar[dict[str, Any]] = {"vectors": "outgoing"}
    ACTS: ClassVar[Mapping[str, Rule]] = {**PruneOptions.ACTS, "penalty": where_free}
    #: see PruneOptions; the term may act early
    warm_up: Length = 0.05
    #: see PruneOptions; the network is not prepared for the cut, as with magnitude
    fine_tune: Length = 0.75
    #: which vectors' norms rank the nodes at the cut; outgoing where the network is no plain ReLU
    #: network
    vectors: Literal["outgoing", "incoming"] = "incoming"
    #: weight of the penalty lambda/2 * ||W||^2, if keep is given
    penalty: float = 1e-4
    #: with strength: norms at or below this fraction of the layer's largest count as zero
    tolerance: float = 1e-2

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.penalty < 0 or self.tolerance < 0:
            raise ValueError("penalty and tolerance must be 0 or more")

    def for_inputs(self) -> PruneOptions:
        """Ranked alone: the penalty is on every weight already."""
        return replace(super().for_inputs(), penalty=0.0, strength=None)  # type: ignore[call-arg]
