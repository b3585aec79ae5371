"""Pruning by torchao.prototype.pat as hooks of the trainer; see peer_methods.py."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from peer_methods import Peer
from torch import Tensor

from asr_prune.acoustic.evaluate import Quality
from asr_prune.acoustic.network import Network
from asr_prune.errors import UserError
from asr_prune.pruning.counts import minima_of
from asr_prune.pruning.nodes import strongest

#: how often the strength of a penalty is tried
TRIES = 10


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
