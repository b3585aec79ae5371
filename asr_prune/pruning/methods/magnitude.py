"""One-shot pruning of nodes by a score, with the rest of the epochs to fine-tune (He, Fan, Qian, Tan and Yu 2014,
"Reshaping deep neural network for fast decoding by node-pruning").
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from asr_prune.acoustic.network import NodeLayer
from asr_prune.options import options
from asr_prune.pruning.activity import Activity, activity
from asr_prune.pruning.method import Method
from asr_prune.pruning.options import PruneOptions
from asr_prune.pruning.scores import node_scores, over_mean


@options
class MagnitudeOptions(PruneOptions):
    #: onorm: mean |outgoing|; inorm: mean |incoming|; product: ||incoming|| * ||outgoing||, which rescaling a ReLU node
    #: does not change; entropy: of whether the node is on, over the training frames; auto: product for ReLU, onorm for
    #: sigmoid
    score: Literal["auto", "onorm", "inorm", "product", "entropy"] = "auto"


class Magnitude(Method):
    """Trains as the dense network does until the cut, cuts the lowest scores, trains the survivors on for `release` of
    the updates.
    """

    Options: ClassVar[type[PruneOptions]] = MagnitudeOptions
    options: MagnitudeOptions

    def __init__(self, options: MagnitudeOptions, layers: Sequence[NodeLayer]) -> None:
        super().__init__(options, layers)
        self.activity: list[Activity] = []

    @property
    def penalises(self) -> bool:
        return False

    @property
    def folds(self) -> bool:
        return self.options.score == "inorm"

    def look(self, at_training: Callable[[], object]) -> None:
        if self.options.score == "entropy":
            self.activity = activity(self.layers, at_training)

    def constants(self) -> list[Tensor] | None:
        """By entropy: a node that is nearly always on, or off, is nearly its mean over the training frames."""
        return [seen.mean for seen in self.activity] if self.options.score == "entropy" else None

    def alive(self) -> list[Tensor]:
        """Asked by strength: the nodes whose score is above `strength` times their layer's mean score."""
        return [score > (self.options.strength or 0.0) for score in self.scores()]

    def scores(self) -> list[Tensor]:
        """By entropy: 1 for all nodes until the training frames have been looked at, just before the cut."""
        if self.options.score != "entropy":
            return node_scores(self.layers, self.options.score)
        if not self.activity:
            return [torch.ones_like(layer.incoming.bias.detach()) for layer in self.layers]
        return [over_mean(seen.entropy()) for seen in self.activity]

    def narrow(self, kept: Sequence[Tensor]) -> None:
        super().narrow(kept)
        self.activity = [Activity(a.on[m], a.mean[m]) for a, m in zip(self.activity, kept, strict=False)]

    def state_dict(self) -> dict[str, Any]:
        return {"activity": [(seen.on, seen.mean) for seen in self.activity]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.activity = [Activity(on, mean) for on, mean in state["activity"]]
