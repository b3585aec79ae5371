"""Pruning by other libraries as hooks of the trainer, run by peers.py: networks, batches,
optimiser, learning rates and dropout are those of the project's own methods.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from asr_prune.acoustic.evaluate import Quality
from asr_prune.acoustic.hooks import Hooks
from asr_prune.acoustic.network import Network
from asr_prune.errors import UserError
from asr_prune.pruning.counts import even_counts, minima_of
from asr_prune.pruning.nodes import strongest
from asr_prune.pruning.options import PruneOptions
from asr_prune.pruning.removal import narrow
from asr_prune.pruning.schedule import Phases

#: how often the strength of a penalty is tried
TRIES = 10


class Enough(Exception):
    """Ends a training that was to find out how many nodes the penalty leaves, its only argument."""


class Peer(Hooks):
    """Acts from the end of `warm_up` to the cut, after which `fine_tune` follows.

    options: the run's, of which these two and `keep` count; own: settings of the library;
    only_press: ends the training at the cut. optimiser: set at the start, the one to train with;
    note: what is to be said of the run.
    """

    def __init__(self, options: PruneOptions, own: dict[str, Any], only_press: bool = False) -> None:
        self.options, self.own, self.only_press = options, own, only_press
        self.step, self.note = 0, ""

    def start(self, network: Any, optimiser: Any, steps: int, evaluate: Callable[[], Quality]) -> None:
        self.network, self.optimiser = network, optimiser
        self.sizes, self.dropouts = network.widths, list(network.dropouts)
        self.target = round((self.options.keep or 1.0) * sum(self.sizes))
        self.phases = Phases.of(steps, self.options.warm_up, self.options.fine_tune)

    @property
    def acts(self) -> bool:
        return self.phases.sparsify_from <= self.step < self.phases.cut_at

    def after_step(self) -> None:
        self.step += 1
        if self.step != self.phases.cut_at:
            return
        if self.only_press:
            raise Enough(sum(self.living()))
        self.cut()
        self.lower_dropout([left / size for left, size in zip(self.living(), self.sizes, strict=True)])

    def lower_dropout(self, shares: list[float]) -> None:
        """In proportion to the nodes of each layer that are left, as with the project's own
        methods.
        """
        self.network.dropouts = [rate * share for rate, share in zip(self.dropouts, shares, strict=True)]

    def living(self) -> list[int]:
        """Nodes of each layer that are left."""
        return list(self.network.widths)

    def cut(self) -> None:
        """Leaves the requested number of nodes."""
        raise NotImplementedError


class TorchPruning(Peer):
    """A pruner of Torch-Pruning (Fang et al. 2023, arXiv 2301.12900), as in its README and its
    authors' benchmark.

    The base class is its magnitude pruner, which has no regularisation. The library chooses the
    nodes; they are removed as those of the project's own methods are, so that the optimiser keeps
    its state of the others.
    """

    def start(self, network: Network, optimiser: Any, steps: int, evaluate: Callable[[], Quality]) -> None:
        super().start(network, optimiser, steps, evaluate)
        self.weight_decay = optimiser.param_groups[0]["weight_decay"]
        self.pruner = self.pruner_of(network)

    def pruner_of(self, network: Network) -> Any:
        """The library's pruner of `network`."""
        import torch_pruning

        own = self.own
        asked: dict[str, Any] = {"pruning_ratio": self._removed(self.target, sum(self.sizes))}
        if own["scope"] == "local":
            counts = even_counts(self.sizes, self.target, [1] * len(self.sizes))
            layers = zip(network.node_layers(), counts, strict=True)
            asked["pruning_ratio_dict"] = {x.incoming: self._removed(n, x.size) for x, n in layers}
        return self.maker(torch_pruning.pruner)(
            network,
            torch.zeros(1, network.inputs),
            importance=torch_pruning.importance.GroupMagnitudeImportance(p=2, normalizer=own["normalizer"]),
            global_pruning=own["scope"] == "global",
            ignored_layers=[network.output],
            **asked,
        )

    @staticmethod
    def _removed(left: int, size: int) -> float:
        """The ratio that leaves `left` of `size` nodes after the library has rounded down."""
        return 1 - (left + 0.5) / size

    def maker(self, pruners: Any) -> Callable[..., Any]:
        """The library's class; the other arguments are the same for all of them."""
        return pruners.BasePruner

    def decay(self, weight_decay: float) -> None:
        """Sets the optimiser's weight decay of all weights."""
        self.optimiser.param_groups[0]["weight_decay"] = weight_decay

    def regularise(self) -> None:
        """Adds to the gradients, in the sparsify phase."""

    def after_backward(self) -> None:
        if self.acts:
            self.regularise()

    def cut(self) -> None:
        layers = self.network.node_layers()
        gone = {group[0].dep.target.module: group[0].idxs for group in self.pruner.step(interactive=True)}
        kept = [torch.ones(layer.size, dtype=torch.bool) for layer in layers]
        for mask, layer in zip(kept, layers, strict=True):
            mask[gone.get(layer.incoming, [])] = False
        narrow(layers, kept, self.optimiser)
        self.decay(self.weight_decay)


class GroupNorm(TorchPruning):
    """GroupNormPruner adds an L2 penalty of both vectors of a node to the gradients, more for
    weaker nodes, in place of weight decay.
    """

    def maker(self, pruners: Any) -> Callable[..., Any]:
        return partial(pruners.GroupNormPruner, reg=self.own["reg"])

    def regularise(self) -> None:
        self.decay(0.0)
        self.pruner.regularize(self.network)


class GrowingReg(GroupNorm):
    """GrowingRegPruner (Wang et al. 2021, arXiv 2012.09243): the magnitude pruner with an L2
    penalty that grows, here a hundred times in the phase, as in the hundred epochs of the
    benchmark.
    """

    def maker(self, pruners: Any) -> Callable[..., Any]:
        return partial(pruners.GrowingRegPruner, reg=self.own["reg"], delta_reg=self.own["delta_reg"])

    def after_step(self) -> None:
        if self.acts and (self.step - self.phases.sparsify_from) % self.every == 0:
            self.pruner.update_reg()
        super().after_step()

    @property
    def every(self) -> int:
        return max(1, (self.phases.cut_at - self.phases.sparsify_from) // 100)


class Pat(Peer):
    """torchao.prototype.pat on the hidden nodes' incoming or outgoing vectors: its optimiser wraps
    the trainer's.

    Its group lasso takes no number of nodes: what it leaves beyond the requested number is cut as
    by the project's own group lasso, by norms and with its least number of nodes a layer; its
    healing phase is the fine-tuning.
    """

    def start(self, network: Network, optimiser: Any, steps: int, evaluate: Callable[[], Quality]) -> None:
        super().start(network, optimiser, steps, evaluate)
        from torchao.prototype.pat.optim import PruneOptimizer

        weights = self.weights()
        chosen, decayed = {id(w) for w in weights}, optimiser.param_groups[0]
        decayed["params"] = [w for w in decayed["params"] if id(w) not in chosen]
        group = {"params": weights, "weight_decay": decayed["weight_decay"], **self.group()}
        optimiser.add_param_group(group)
        phases = {"warmup_steps": self.phases.sparsify_from, "healing_start_step": self.phases.cut_at}
        self.optimiser = PruneOptimizer(optimiser, reg_lambda=self.own.get("strength", 0.0), **phases)

    def group(self) -> dict[str, Any]:
        """What PAT reads of its parameter group."""
        grouper = "Dim0Grouper" if self.own["vectors"] == "incoming" else "Dim1Grouper"
        return {"group_type": grouper, "prox_type": "ProxGroupLasso"}

    def weights(self) -> list[Tensor]:
        return [getattr(layer, self.own["vectors"]).weight for layer in self.network.node_layers()]

    def vectors(self) -> list[Tensor]:
        """A view of each layer's weights with a node's vector in each row."""
        weights = self.weights()
        return weights if self.own["vectors"] == "incoming" else [weight.T for weight in weights]

    def living(self) -> list[int]:
        return [int((rows.count_nonzero(1) > 0).sum()) for rows in self.vectors()]

    def after_step(self) -> None:
        super().after_step()
        if self.acts:
            share = 1 - self.phases.progress(self.step) * (1 - self.target / sum(self.sizes))
            self.lower_dropout([share] * len(self.sizes))

    @torch.no_grad()
    def cut(self) -> None:
        options, total, living = self.options, sum(self.sizes), self.living()
        self.note = f"{total - sum(living)} of {total - self.target} nodes zero before the cut"
        minima = minima_of(self.sizes, options.keep, options.min_nodes, options.floor)
        least = [min(pair) for pair in zip(minima, living, strict=True)]
        kept = strongest([rows.norm(dim=1) for rows in self.vectors()], self.target, least)
        for rows, mask in zip(self.vectors(), kept, strict=True):
            rows[~mask] = 0


class PatConstraint(Pat):
    """PAT's constraint on the number of zero groups over all layers, which rises as in gradual
    pruning.
    """

    def group(self) -> dict[str, Any]:
        removed = 1 - (self.target + 0.5) / sum(self.sizes)
        constraint = {"prox_type": "GlobalMinSparsityConstraint", "min_sparsity": max(0.0, removed)}
        return super().group() | constraint | {"min_sparsity_schedule": True, "score_type": self.own["score"]}


def find_strength(left_by: Callable[[float], int], target: int, first: float) -> tuple[float, int]:
    """Of at most TRIES strengths the one that leaves the fewest nodes that are still `target` or
    more, and how many were tried. Ends within 2 % or one node.

    left_by: nodes left at a strength; first: tried first. Raises UserError if each leaves fewer
    than `target`.
    """
    left: dict[float, int] = {}
    strength = first
    while len(left) < TRIES and not any(target <= n <= target + max(1, 0.02 * target) for n in left.values()):
        left[strength] = left_by(strength)
        strength = _next(left, target)
    enough = [strength for strength, nodes in left.items() if nodes >= target]
    if not enough:
        raise UserError(f"all strengths from {first:.2g} to {min(left):.2g} leave fewer than {target} nodes.")
    return min(enough, key=left.__getitem__), len(left)


def _next(left: dict[float, int], target: int) -> float:
    """Between the strengths that leave too many and too few nodes, in the ratio; before there are
    both, eight times further on.
    """
    high = min((strength for strength, nodes in left.items() if nodes < target), default=math.inf)
    low = max((strength for strength, nodes in left.items() if nodes >= target and strength < high), default=0.0)
    if high == math.inf:
        return 8 * low
    return math.sqrt(low * high) if low else high / 8


#: by the names that a plan has, with the packages that they need
PEERS: dict[str, tuple[type[Peer], str]] = {
    "torch_pruning group_norm": (GroupNorm, "torch-pruning"),
    "torch_pruning group_norm global": (GroupNorm, "torch-pruning"),
    "torch_pruning growing_reg": (GrowingReg, "torch-pruning"),
    "torch_pruning magnitude": (TorchPruning, "torch-pruning"),
    "torchao pat": (Pat, "torchao"),
    "torchao pat searched": (Pat, "torchao"),
    "torchao pat constraint": (PatConstraint, "torchao"),
}
