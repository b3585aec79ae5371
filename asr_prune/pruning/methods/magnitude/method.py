"""One-shot pruning of nodes by a score, with the rest of the epochs to fine-tune (He, Fan, Qian,
Tan and Yu 2014, "Reshaping deep neural network for fast decoding by node-pruning").
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from asr_prune.acoustic.node_layer import NodeLayer
from asr_prune.pruning.method import Method
from asr_prune.pruning.methods.magnitude.activity import Activity, activity
from asr_prune.pruning.methods.magnitude.options import MagnitudeOptions
from asr_prune.pruning.nodes import Nodes
from asr_prune.pruning.parts import NodeScore
from asr_prune.pruning.saliency import LossScore
from asr_prune.pruning.scores import WeightScores, over_mean
from asr_prune.pruning.weight_masks import MaskingSchedule, WeightMasks


class Magnitude(Method):
    """Trains as the dense network does until the cut, cuts the lowest scores, and trains the
    remaining nodes for `fine_tune` of the updates. With granularity weight, single weights are
    zeroed instead of nodes.
    """

    def __init__(self, options: MagnitudeOptions, layers: Sequence[NodeLayer]) -> None:
        super().__init__(options, layers)
        if options.granularity == "weight":
            self.schedule: MaskingSchedule = MaskingSchedule(options.warm_up, options.fine_tune, options.press)
            self.weights: WeightMasks = WeightMasks(options, self.nodes, self.schedule)
        elif options.score == "entropy":
            self.score = EntropyScore(self.nodes, options.strength or 0.0)
        elif options.score == "taylor" or options.score == "fisher":
            self.score = LossScore(self.nodes, options.score, options.window, options.strength or 0.0)
        else:
            self.score = LimitedScores(self.nodes, options.score, options.strength or 0.0)

    def finish(self) -> list[Tensor]:
        """With weights, nothing is left to cut but nodes without an outgoing weight."""
        return self.score.alive() if self.options.sparsity_asked is not None else super().finish()


class LimitedScores(WeightScores):
    """Weight scores; with `strength`, nodes above `strength` times the mean score of their layer
    are alive.
    """

    def __init__(self, nodes: Nodes, score: str, strength: float) -> None:
        super().__init__(nodes, score)
        self.strength = strength

    def alive(self) -> list[Tensor]:
        return [score > self.strength for score in self.scores()]


class EntropyScore(NodeScore):
    """The entropy of whether a node is on, over the training frames, divided by its layer's mean.

    1 for all nodes until the network has been run over the training frames, just before the cut. A
    cut node is replaced by its mean output: a node that is nearly always on, or off, is nearly
    constant.
    """

    def __init__(self, nodes: Nodes, strength: float) -> None:
        super().__init__(nodes)
        self.strength = strength
        self.activity: list[Activity] = []

    @property
    def needs_frames(self) -> bool:
        return True

    def look(self, run_over: Callable[[], object]) -> None:
        self.activity = activity(self.nodes.layers, run_over)

    def constants(self) -> list[Tensor]:
        return [measured.mean for measured in self.activity]

    def alive(self) -> list[Tensor]:
        return [score > self.strength for score in self.scores()]

    def scores(self) -> list[Tensor]:
        if not self.activity:
            return [torch.ones_like(layer.incoming.bias.detach()) for layer in self.nodes.layers]
        return [over_mean(measured.entropy()) for measured in self.activity]

    def narrow(self, kept: Sequence[Tensor]) -> None:
        pairs = zip(self.activity, kept, strict=False)
        self.activity = [Activity(a.on[m], a.mean[..., m]) for a, m in pairs]

    def state_dict(self) -> dict[str, Any]:
        return {"activity": [(measured.on, measured.mean) for measured in self.activity]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.activity = [Activity(on, mean) for on, mean in state["activity"]]
