"""The parts that a method combines: how nodes are ranked, what is added to the training, which
weights act.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from torch import Tensor, optim

from asr_prune.pruning.nodes import Nodes
from asr_prune.pruning.schedule import Phases


class Part:
    """Follows the training of a network; every hook does nothing by default.

    Hooks on single updates are called in the sparsify phase only. After `start` a part has
    `optimiser` and `phases`. Permanently removed nodes may leave the layers during training, see
    `narrow`.
    """

    @property
    def raises_dev(self) -> bool:
        """Whether the part raises the dev cross-entropy now, so that newbob must not judge the
        epoch by it.
        """
        return False

    def start(self, optimiser: optim.Optimizer, phases: Phases) -> None:
        """Called before the first update."""
        self.optimiser, self.phases = optimiser, phases

    def after_backward(self) -> None:
        """Called when gradients are complete, before they are clipped and used."""

    def after_step(self, step: int) -> None:
        """Called after update `step`, counted from 1."""

    def gone(self) -> list[Tensor] | None:
        """After an update: nodes that are zero for good, boolean [nodes] a layer; None: no news."""
        return None

    def narrow(self, kept: Sequence[Tensor]) -> None:
        """The layers have been narrowed to the nodes in `kept`, boolean [nodes] a layer."""

    def state_dict(self) -> dict[str, Any]:
        """Everything that a resumed run needs, tensors and plain values."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restores the part from `state`, which may hold keys of other parts too."""


class NodeScore(Part):
    """How important each node is."""

    def __init__(self, nodes: Nodes) -> None:
        self.nodes = nodes

    @property
    def folds(self) -> bool:
        """Whether a cut zeroes incoming vectors, so that the node's constant is folded; else it
        zeroes outgoing ones.
        """
        return False

    @property
    def needs_frames(self) -> bool:
        """Whether `look` runs the network over the training frames."""
        return False

    def look(self, run_over: Callable[[], object]) -> None:
        """Called just before the cut. `run_over()` runs the network, without dropout, over all
        training frames.
        """

    def constants(self) -> list[Tensor] | None:
        """What replaces the outputs of cut nodes, float [nodes] a layer, or as `NodeLayer.absorb`
        takes them; None if a cut zeroes a vector instead.
        """
        return None

    def scores(self) -> list[Tensor]:
        """The importance of each node, float [nodes] a layer; the mass that a cut removes is
        measured by it.
        """
        raise NotImplementedError

    def ranking(self) -> list[Tensor]:
        """What nodes of all layers are ranked by, float [nodes] a layer; the highest are kept."""
        return self.scores()

    def alive(self) -> list[Tensor]:
        """Nodes that the method itself has not brought to zero, boolean [nodes] a layer."""
        return [score > 0 for score in self.scores()]


class Penalty(Part):
    """What is added to the training so that nodes become small: to the loss, to gradients, or after
    the update.
    """

    @property
    def steers(self) -> bool:
        """Whether it brings the node count to the target by itself, so that the cut should remove
        next to nothing.
        """
        return False

    def no_decay(self) -> list[Tensor]:
        """Weights without weight decay while the penalty acts."""
        return []

    def term(self) -> Tensor | None:
        """A scalar that is added to the loss, []."""
        return None

    def reached(self) -> bool:
        """Whether the target has been reached, so that the sparsify phase may end early."""
        return False

    def end_of_epoch(self, dev_cross_entropy: float, sparsifying: bool) -> dict[str, Any]:
        """Called after each epoch up to the cut. Returns figures for metrics.jsonl."""
        return {}


class ActingWeights(Part):
    """The weights that the network computes with, if they are not those that are trained: masked,
    gated, faded.
    """

    def acting(self, training: bool) -> AbstractContextManager[None]:
        """While it is open, the layers hold the weights that the network computes with, in or out
        of training.
        """
        return nullcontext()

    def shares(self) -> list[float] | None:
        """The fraction of each layer's nodes that act, which dropout is lowered to; None leaves
        dropout alone.
        """
        return None
