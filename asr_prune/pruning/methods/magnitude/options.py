"""Options of one-shot pruning by a score."""

from __future__ import annotations

from typing import Literal

from asr_prune.options import options
from asr_prune.pruning.options import WeightOptions


@options
class MagnitudeOptions(WeightOptions):
    #: onorm: mean |outgoing|; inorm: mean |incoming|; product: ||incoming|| * ||outgoing||, which
    #: does not change when a ReLU node is rescaled; entropy: of whether the node is on, over the
    #: training frames; auto: product for ReLU, onorm for sigmoid
    score: Literal["auto", "onorm", "inorm", "product", "entropy"] = "auto"
