"""What a pruning method is: a small class in a file of its own, found by its name."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, optim

from asr_prune.acoustic.network import NodeLayer
from asr_prune.pruning import methods as methods_folder
from asr_prune.pruning.budget import minima_of, strongest, target_of
from asr_prune.pruning.options import PruneOptions
from asr_prune.pruning.plan import Plan


class Method:
    """A way to choose nodes. The trainer reaches it through the pruner's hooks and never names it.

    options: the method's own options; layers: what it may look at and change; target: how many nodes must survive, None
    where the run was asked by strength. After `start` it also has `optimiser` and `plan`. Nodes that are gone for good
    may be taken out of the layers while it works: sizes are those of the dense network, index says which of its nodes
    are still there.
    """

    Options: ClassVar[type[PruneOptions]] = PruneOptions
    #: file in the run's folder that takes what `audit` gives; none where it is empty
    audit_file: ClassVar[str] = ""

    def __init__(self, options: PruneOptions, layers: Sequence[NodeLayer]) -> None:
        self.options, self.layers = options, list(layers)
        self.sizes = [layer.size for layer in layers]
        self.index = [torch.arange(layer.size, device=layer.incoming.weight.device) for layer in layers]
        self.minima = minima_of(self.sizes, options.keep, options.min_nodes, options.floor)
        self.target = target_of(self.sizes, options.keep, self.minima)

    @classmethod
    def widths(cls, options: PruneOptions, hidden: Sequence[int], runs: Path) -> tuple[int, ...]:
        """Nodes of the hidden layers of the network to train. hidden: those of the recipe; runs: the folder of all runs
        of the recipe.
        """
        return tuple(hidden)

    @classmethod
    def reads(cls, options: PruneOptions, runs: Path) -> list[Path]:
        """Files of other runs that the method reads, so that it trains again where they change."""
        return []

    @property
    def folds(self) -> bool:
        """Whether a cut zeroes incoming vectors, so that the node's constant is folded; otherwise it zeroes outgoing
        ones.
        """
        return False

    @property
    def steers(self) -> bool:
        """Whether the method itself brings the node count to the target, so that the cut should find nearly nothing
        left to do.
        """
        return False

    @property
    def penalises(self) -> bool:
        """Whether the press holds the dev cross-entropy up, so that newbob must not judge its epochs."""
        return True

    def no_decay(self) -> list[Tensor]:
        """Weights that must not have weight decay."""
        return []

    def plan_of(self, steps: int) -> Plan:
        """The phases of a run of `steps` updates."""
        return Plan.of(steps, self.options.warm_up, self.options.release)

    def parts(self, steps: int) -> list[tuple[int, float]]:
        """The run in parts, each with a learning-rate schedule of its own: (updates, factor on the learning rate)."""
        return [(steps, 1.0)]

    def start(self, optimiser: optim.Optimizer, plan: Plan) -> None:
        """Before the first update."""
        self.optimiser, self.plan = optimiser, plan

    def phase(self, step: int) -> str | None:
        """The method's own word for where the run stands after update `step`; None: warm_up, press or release."""
        return None

    def acting(self, training: bool) -> AbstractContextManager[None]:
        """While it is open, the layers hold the weights that the network computes with, in training or out of it, where
        those are not the ones that are trained.
        """
        return nullcontext()

    def penalty(self) -> Tensor | None:
        """A scalar added to the loss, in the press only."""
        return None

    def after_backward(self) -> None:
        """Called in the press, gradients ready."""

    def after_step(self, step: int) -> None:
        """Called in the press, after update `step`."""

    def end_of_epoch(self, dev_cross_entropy: float, pressing: bool) -> dict[str, Any]:
        """After each epoch until the cut. Returns figures for metrics.jsonl."""
        return {}

    def snapshot(self, step: int) -> str | None:
        """A name under which the network as it stands after update `step` is to be kept too: model/<name>.pt."""
        return None

    def shares(self) -> list[float] | None:
        """In the press: the share of each layer's nodes that its dropout is to suit; None leaves dropout alone."""
        return None

    def look(self, at_training: Callable[[], object]) -> None:
        """Just before the cut. Calling `at_training` runs the network, without dropout, over all training frames; a
        method that wants to see activations hooks into the layers meanwhile (activity.py).
        """

    def constants(self) -> list[Tensor] | None:
        """What the outputs of cut nodes are replaced by, float [nodes] a layer; None where a cut zeroes a vector."""
        return None

    def figures(self, kept: Sequence[Tensor]) -> dict[str, Any]:
        """The method's own figures of the cut, for train.json. kept: boolean [nodes] a layer."""
        return {}

    def audit(self) -> list[dict[str, Any]]:
        """Lines for `audit_file` since last asked."""
        return []

    def histograms(self) -> dict[str, Tensor]:
        """Histograms of weights for weights.npz: `edges` float64 [bins + 1] and for each phase, in order, its name with
        int64 counts [affine maps, bins]; or nothing.
        """
        return {}

    def reached(self) -> bool:
        """Whether the target is met already, so that the press may end early."""
        return False

    def scores(self) -> list[Tensor]:
        """How much of each node there is, float [nodes] a layer: the mass that a cut removes is measured on it."""
        raise NotImplementedError(f"{type(self).__name__} removes no nodes by rank")

    def ranking(self) -> list[Tensor]:
        """By what nodes of all layers are ranked, float [nodes] a layer; the highest survive."""
        return self.scores()

    def alive(self) -> list[Tensor]:
        """Nodes that the method has not itself brought to zero, boolean [nodes] a layer."""
        return [score > 0 for score in self.scores()]

    def gone(self) -> list[Tensor] | None:
        """After an update of the press: nodes that are zero for good, boolean [nodes] a layer; None where there are
        none, or where zeros are never final before the cut.
        """
        return None

    def narrow(self, kept: Sequence[Tensor]) -> None:
        """The layers have become smaller, only the nodes in `kept` (boolean [nodes] a layer) are left. What is kept of
        each node must be narrowed too.
        """
        self.index = [index[mask] for index, mask in zip(self.index, kept, strict=True)]

    def dense(self, values: Sequence[Tensor]) -> list[Tensor]:
        """`values`, [nodes there are] a layer, at their places in the dense network, 0 elsewhere; [nodes] a layer."""
        spread = (value.new_zeros(size) for value, size in zip(values, self.sizes, strict=True))
        return [s.index_copy_(0, i, v) for s, i, v in zip(spread, self.index, values, strict=True)]

    def every_node(self) -> list[Tensor]:
        """Masks that are all True: what `finish` gives where no node goes; boolean [nodes] a layer."""
        return [torch.ones(layer.size, dtype=torch.bool, device=layer.incoming.weight.device) for layer in self.layers]

    def finish(self) -> list[Tensor]:
        """Which nodes live, boolean [nodes] a layer: the target's number of the strongest, or without a target all that
        are alive, and never fewer than the layer's minimum.
        """
        if self.target is None:
            fewest = strongest(self.ranking(), 0, self.minima)
            return [alive | least for alive, least in zip(self.alive(), fewest, strict=True)]
        return strongest(self.ranking(), self.target, self.minima)

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run needs, tensors and plain values."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes back what state_dict gave."""


def method_names() -> list[str]:
    """All methods there are, sorted."""
    return sorted(module.name for module in pkgutil.iter_modules(methods_folder.__path__))


def find_method(name: str) -> type[Method]:
    """The class of method `name`: the subclass of Method that asr_prune/pruning/methods/<name>.py defines.

    Raises ValueError where there is no such file.
    """
    if name not in method_names():
        raise ValueError(f"there is no pruning method {name!r}; the methods are {', '.join(method_names())}")
    module = importlib.import_module(f"{methods_folder.__name__}.{name}")
    found = [
        c
        for c in vars(module).values()
        if isinstance(c, type) and issubclass(c, Method) and c.__module__ == module.__name__
    ]
    return found[0]
