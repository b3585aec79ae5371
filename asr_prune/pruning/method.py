"""What a pruning method is: a schedule, a score, a penalty and acting weights, put together by a
small class.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, optim

from asr_prune.acoustic.node_layer import NodeLayer
from asr_prune.pruning.nodes import Nodes
from asr_prune.pruning.options import PruneOptions
from asr_prune.pruning.parts import ActingWeights, NodeScore, Part, Penalty
from asr_prune.pruning.schedule import Phases, Schedule
from asr_prune.pruning.scores import NormScore


class Method(Part):
    """A way to choose nodes. The trainer reaches it through the pruner and never names it.

    A subclass sets the parts that differ from these: dense training, ranked by outgoing norms.
    options: its own options class, see registry.py; layers: what it may look at and change.
    """

    def __init__(self, options: PruneOptions, layers: Sequence[NodeLayer]) -> None:
        self.options = options
        self.nodes = Nodes(layers, options)
        self.schedule = Schedule(options.warm_up, options.fine_tune, options.press, options.release_rate)
        self.score: NodeScore = NormScore(self.nodes)
        self.penalty = Penalty()
        self.weights = ActingWeights()

    @property
    def parts(self) -> tuple[NodeScore, Penalty, ActingWeights]:
        """In the order in which they follow an update."""
        return self.score, self.penalty, self.weights

    @property
    def raises_dev(self) -> bool:
        return any(part.raises_dev for part in self.parts)

    def start(self, optimiser: optim.Optimizer, phases: Phases) -> None:
        super().start(optimiser, phases)
        self.schedule.start(phases)
        for part in self.parts:
            part.start(optimiser, phases)

    def after_backward(self) -> None:
        for part in self.parts:
            part.after_backward()

    def after_step(self, step: int) -> None:
        for part in self.parts:
            part.after_step(step)

    def gone(self) -> list[Tensor] | None:
        return next((gone for part in self.parts if (gone := part.gone()) is not None), None)

    def narrow(self, kept: Sequence[Tensor]) -> None:
        for part in (self.nodes, *self.parts):
            part.narrow(kept)

    def end_of_epoch(self, dev_cross_entropy: float, sparsifying: bool) -> dict[str, Any]:
        """Called after each epoch up to the cut. Returns figures for metrics.jsonl."""
        return self.penalty.end_of_epoch(dev_cross_entropy, sparsifying)

    def finish(self) -> list[Tensor]:
        """The nodes to keep, boolean [nodes] a layer.

        The target's number of the highest rank, or without a target all that are alive, but never
        fewer than the minimum of each layer.
        """
        strongest = self.nodes.strongest(self.score.ranking())
        if self.nodes.target is not None:
            return strongest
        return [alive | least for alive, least in zip(self.score.alive(), strongest, strict=True)]

    def figures(self, kept: Sequence[Tensor]) -> dict[str, Any]:
        """The method's own figures of the cut, for train.json. kept: boolean [nodes] a layer of the
        dense network.
        """
        return {}

    def audit(self) -> list[dict[str, Any]]:
        """New lines for the file of the options' audit table since the last call."""
        return []

    def histograms(self) -> dict[str, Tensor]:
        """Histograms of weights for weights.npz, or nothing.

        `edges`, float64 [bins + 1], and for each phase, in order, its name with int64 counts
        [affine maps, bins].
        """
        return {}

    def state_dict(self) -> dict[str, Any]:
        return {key: value for part in self.parts for key, value in part.state_dict().items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for part in self.parts:
            part.load_state_dict(state)


class KeepsEveryNode(Method):
    """A method that removes no node."""

    def finish(self) -> list[Tensor]:
        return self.nodes.every_node()
