"""Options of one-shot pruning by a score."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from asr_prune.options import options
from asr_prune.pruning.acts import Rule, where
from asr_prune.pruning.lengths import Length
from asr_prune.pruning.weight_options import WeightOptions


@options
class MagnitudeOptions(WeightOptions):
    OF_WEIGHTS: ClassVar[dict[str, Any]] = {"fine_tune": 0.75}
    ACTS: ClassVar[Mapping[str, Rule]] = {
        **WeightOptions.ACTS,
        "window": where("score", "taylor", "fisher"),
    }
    #: the network is not prepared for the cut, so it needs longer after it than that of other
    #: methods
    warm_up: Length = 0.1
    fine_tune: Length = 0.85
    #: onorm: mean |outgoing|; inorm: mean |incoming|; product: ||incoming|| * ||outgoing||, which
    #: does not change when a ReLU node is rescaled; entropy: of whether the node is on, over the
    #: training frames; taylor, fisher: what the loss changes to first order without the node, over
    #: the updates before the cut; auto: product for ReLU, onorm for sigmoid
    score: Literal["auto", "onorm", "inorm", "product", "entropy", "taylor", "fisher"] = "auto"
    #: scores taylor and fisher: updates over which slopes of the loss are averaged
    window: int = 200

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.window < 1:
            raise ValueError(f"window must be 1 or more, not {self.window}")
