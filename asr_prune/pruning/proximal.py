"""What the penalties of node vectors share: proximal steps after the update, and lambda steered to a node count."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, optim

from asr_prune.acoustic.network import NodeLayer
from asr_prune.options import options
from asr_prune.pruning.budget import strongest
from asr_prune.pruning.method import Method
from asr_prune.pruning.options import PruneOptions
from asr_prune.pruning.plan import Plan
from asr_prune.pruning.prox import adam_metric, grouped, sgd_threshold, shrink_diagonal, shrink_euclidean
from asr_prune.pruning.rescale import hold_down
from asr_prune.pruning.steering import Steering


@options
class ProximalOptions(PruneOptions):
    #: whose norms are penalised: what a node gives (outgoing) or what it takes (incoming)
    vectors: Literal["outgoing", "incoming"] = "outgoing"
    #: lambda when nodes are asked for by keep and lambda is not steered
    penalty: float = 1e-3
    #: a group that has been zero for this many updates stays zero
    patience: int = 100
    #: updates between two proximal steps, each as strong as the updates it stands for
    every: int = 8
    #: updates between two corrections of a steered lambda
    steer_every: int = 24
    #: share of the press over which the penalty of those that are to survive fades out; null keeps it
    spare: float | None = 0.5
    #: lambda rises no further while dev cross-entropy is above this multiple of what it was before the press
    guard: float = 1.5
    #: asked by strength, without exact zeros: norms below this share of the layer's largest count as zero
    tolerance: float = 1e-3

    def __post_init__(self) -> None:
        super().__post_init__()
        if min(self.patience, self.every, self.steer_every) < 1:
            raise ValueError("patience, every and steer_every must be 1 or more")
        if self.spare is not None and not 0 <= self.spare <= 1:
            raise ValueError(f"spare must be from 0 to 1, or null, not {self.spare}")
        if self.tolerance < 0 or self.penalty < 0 or self.guard < 1:
            raise ValueError("tolerance and penalty must be 0 or more, guard 1 or more")


class Proximal(Method):
    """`E = CE + lambda * sum_l sum_j pull_lj * r(v_lj)` over all hidden nodes; biases are in no group.

    Every few updates each vector takes the proximal step of its penalty in the optimiser's metric. Asked by `keep`, and
    where the penalty reaches exact zeros, lambda is steered. Here r is the Euclidean norm; `_shrink_layer` and `scores`
    say otherwise.
    """

    Options: ClassVar[type[PruneOptions]] = ProximalOptions
    options: ProximalOptions

    def __init__(self, options: ProximalOptions, layers: Sequence[NodeLayer]) -> None:
        super().__init__(options, layers)
        self.steering = Steering()
        self.strength = options.strength if options.strength is not None else (0.0 if self.steers else options.penalty)
        self.dim = 0 if options.vectors == "outgoing" else 1
        self.weights = [
            layer.outgoing.weight if options.vectors == "outgoing" else layer.incoming.weight for layer in layers
        ]
        self.pulls = [torch.ones(layer.size).to(w) for layer, w in zip(layers, self.weights, strict=True)]
        self.zero_for = [
            torch.zeros(layer.size, dtype=torch.int32, device=w.device)
            for layer, w in zip(layers, self.weights, strict=True)
        ]
        self.roots: list[Tensor] = []
        self.protected: list[Tensor] = []
        self.spared_to = 1.0
        self.just_shrunk = False
        self.scratch = self._scratch()
        self.held: list[Tensor] = []
        self.means = [1.0] * len(layers)
        self.dev_before: float | None = None

    @property
    def folds(self) -> bool:
        return self.options.vectors == "incoming"

    @property
    def unpenalised(self) -> str:
        """The side of a node that a ReLU network could grow to escape the penalty."""
        return "incoming" if self.options.vectors == "outgoing" else "outgoing"

    @property
    def has_zeros(self) -> bool:
        """Whether the penalty brings vectors to exactly zero."""
        return True

    @property
    def steers(self) -> bool:
        return self.target is not None and self.has_zeros

    def no_decay(self) -> list[Tensor]:
        return self.weights

    def start(self, optimiser: optim.Optimizer, plan: Plan) -> None:
        super().start(optimiser, plan)
        self.roots = [norms.clone() for norms in self.scores()]

    def after_step(self, step: int) -> None:
        if self.options.strength == 0:
            return
        if not self.held:
            self.held = [layer.norms(self.unpenalised) for layer in self.layers]
            self.means = [float(norms.mean()) for norms in self.scores()]
        if (step - self.plan.press_from) % self.options.steer_every == 1 % self.options.steer_every:
            hold_down(self.layers, self.unpenalised, self.held)
            if self.steers:
                self._steer(step)
        self.just_shrunk = step % self.options.every == 0 or step == self.plan.cut_at
        if self.just_shrunk:
            self._shrink()

    def prospects(self) -> list[Tensor]:
        """Which nodes are to survive, as things stand; boolean [nodes] a layer, the target's number of them."""
        return strongest(self.ranking(), self.target or 0, self.minima)

    def _steer(self, step: int) -> None:
        norms = self.ranking()
        self.protected = self.prospects()
        mass = sum(float(n[~mask].sum()) for n, mask in zip(norms, self.protected, strict=True))
        if self.steering.before is None:
            self.steering.begin(self._first_strength(mass), mass)
        else:
            self.steering.correct(self.plan.progress(step), mass)
        self.strength = self.steering.strength
        if self.options.spare is not None:
            self.spared_to = max(0.0, 1 - self.plan.progress(step) / max(self.options.spare, 1e-9))

    def _first_strength(self, mass: float) -> float:
        """A tenth of the lambda that would, unopposed, take the mass to zero within the press at today's rate of
        shrinking.
        """
        fall = 0.0
        for i, (weight, mask) in enumerate(zip(self.weights, self.protected, strict=True)):
            metric = adam_metric(self.optimiser, weight)
            rate = sgd_threshold(self.optimiser, weight) if metric is None else float(metric.reciprocal().mean())
            fall += rate * self._fall(i) * float(self.pulls[i][~mask].sum()) / max(self.means[i], 1e-30)
        return 0.1 * mass / max(fall * (self.plan.cut_at - self.plan.press_from), 1e-30)

    def _fall(self, i: int) -> float:
        """By how much a score of layer i falls where its vector meets one unit of penalty at a metric of 1."""
        return 1.0

    @torch.no_grad()
    def _shrink(self) -> None:
        protected = self.protected or strongest(self.scores(), 0, self.minima)
        for i, pull in enumerate(self.pulls):
            strength = pull * (self.strength * self.options.every)
            if self.steers:
                strength[protected[i]] *= self.spared_to
            self.roots[i] = self._shrink_layer(i, strength, protected[i])
            self._count(i)

    def _shrink_layer(self, i: int, strength: Tensor, protected: Tensor) -> Tensor:
        """One proximal step of layer i, in place; returns its new scores, [nodes]. strength, protected: [nodes]."""
        weight = self.weights[i]
        scratch = self.scratch[weight.shape]
        metric = adam_metric(self.optimiser, weight, scratch[0])
        if metric is None:
            return shrink_euclidean(weight, strength * sgd_threshold(self.optimiser, weight), self.dim, protected)
        buffers = scratch[1], scratch[2]
        return shrink_diagonal(weight, metric, strength, self.dim, self.roots[i], protected, buffers)

    def _count(self, i: int) -> None:
        self.zero_for[i] = torch.where(self.roots[i] == 0, self.zero_for[i] + self.options.every, 0)

    def _scratch(self) -> dict[torch.Size, tuple[Tensor, ...]]:
        return {w.shape: tuple(torch.empty_like(w) for _ in range(3)) for w in self.weights}

    def gone(self) -> list[Tensor] | None:
        """What has been zero for `patience` updates; known after proximal steps."""
        if not (self.has_zeros and self.just_shrunk):
            return None
        return [count >= self.options.patience for count in self.zero_for]

    def narrow(self, kept: Sequence[Tensor]) -> None:
        super().narrow(kept)
        self.scratch = self._scratch()
        for name in ("pulls", "zero_for", "roots", "protected", "held"):
            values = zip(getattr(self, name), kept, strict=False)
            setattr(self, name, [value[mask] for value, mask in values])

    def end_of_epoch(self, dev_cross_entropy: float, pressing: bool) -> dict[str, Any]:
        if not pressing or self.dev_before is None:
            self.dev_before = dev_cross_entropy
        elif dev_cross_entropy > self.options.guard * self.dev_before:
            self.steering.hold()
        else:
            self.steering.free()
        return {"strength": self.strength}

    def reached(self) -> bool:
        if not self.steers or not self.just_shrunk:
            return False
        return sum(int(root.count_nonzero()) for root in self.roots) <= (self.target or 0)

    def scores(self) -> list[Tensor]:
        return [grouped(w.detach(), self.dim).square().sum(self.dim).sqrt() for w in self.weights]

    def ranking(self) -> list[Tensor]:
        """Norms over their layer's mean at the start of the press; a running mean would flatter an emptied layer."""
        return [norms / max(mean, 1e-30) for norms, mean in zip(self.scores(), self.means, strict=True)]

    def alive(self) -> list[Tensor]:
        """By zeros: what was not zero after the last proximal step, between two of which noise revives the dead."""
        norms = self.scores()
        if self.has_zeros:
            return [(n > 0) & (root > 0) for n, root in zip(norms, self.roots or norms, strict=True)]
        return [n > self.options.tolerance * n.max() for n in norms]

    def state_dict(self) -> dict[str, Any]:
        return {
            "steering": self.steering.state_dict(),
            "strength": self.strength,
            "roots": self.roots,
            "zero_for": self.zero_for,
            "held": self.held,
            "means": self.means,
            "protected": self.protected,
            "spared_to": self.spared_to,
            "dev_before": self.dev_before,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.steering.load_state_dict(state["steering"])
        self.strength, self.dev_before, self.spared_to = state["strength"], state["dev_before"], state["spared_to"]
        self.roots, self.zero_for, self.protected = state["roots"], state["zero_for"], state["protected"]
        self.held, self.means = state["held"], state["means"]
