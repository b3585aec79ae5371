"""Group lasso node selection (Ochiai, Matsuda, Watanabe and Katagiri 2017, "Automatic node selection for deep neural
networks using group lasso regularization", arXiv 1611.05527).
"""

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
from asr_prune.pruning.prox import adam_metric, sgd_threshold, shrink_diagonal, shrink_euclidean
from asr_prune.pruning.rescale import hold_down
from asr_prune.pruning.steering import Steering


@options
class GroupLassoOptions(PruneOptions):
    #: whose norms are penalised: what a node gives (outgoing) or what it takes (incoming)
    vectors: Literal["outgoing", "incoming"] = "outgoing"
    #: proximal reaches exact zeros; subgradient adds the term to the loss and is cut by rank or tolerance
    solver: Literal["proximal", "subgradient"] = "proximal"
    #: sqrt_size multiplies each group's penalty by the square root of its length
    group_scale: Literal["none", "sqrt_size"] = "none"
    #: lambda of the subgradient solver when nodes are asked for by keep; the proximal solver steers its own
    penalty: float = 1e-3
    #: a group that has been zero for this many updates stays zero
    patience: int = 100
    #: updates between two proximal steps, each as strong as the updates it stands for
    every: int = 8
    #: updates between two corrections of a steered lambda
    steer_every: int = 24
    #: share of the press over which the penalty of those that rank among the asked number fades out; null keeps it
    spare: float | None = 0.5
    #: lambda rises no further while dev cross-entropy is above this multiple of what it was before the press
    guard: float = 1.5
    #: subgradient asked by strength: norms below this share of the layer's largest count as zero
    tolerance: float = 1e-3

    def __post_init__(self) -> None:
        super().__post_init__()
        if min(self.patience, self.every, self.steer_every) < 1:
            raise ValueError("patience, every and steer_every must be 1 or more")
        if self.spare is not None and not 0 <= self.spare <= 1:
            raise ValueError(f"spare must be from 0 to 1, or null, not {self.spare}")
        if self.tolerance < 0 or self.penalty < 0 or self.guard < 1:
            raise ValueError("tolerance and penalty must be 0 or more, guard 1 or more")


class GroupLasso(Method):
    """`E = CE + lambda * sum_l sum_j ||v_lj||_2` over all hidden nodes; biases are in no group.

    The proximal solver shrinks every group after the update by the prox that belongs to the optimiser's metric, so that
    groups reach exact zero. Asked by `keep` it steers lambda.
    """

    Options: ClassVar[type[PruneOptions]] = GroupLassoOptions
    options: GroupLassoOptions

    def __init__(self, options: GroupLassoOptions, layers: Sequence[NodeLayer]) -> None:
        super().__init__(options, layers)
        self.steering = Steering()
        self.strength = options.strength if options.strength is not None else (0.0 if self.steers else options.penalty)
        self.dim = 0 if options.vectors == "outgoing" else 1
        self.weights = [
            layer.outgoing.weight if options.vectors == "outgoing" else layer.incoming.weight for layer in layers
        ]
        self.scale = [w.shape[self.dim] ** 0.5 if options.group_scale == "sqrt_size" else 1.0 for w in self.weights]
        self.zero_for = [
            torch.zeros(layer.size, dtype=torch.int32, device=w.device)
            for layer, w in zip(layers, self.weights, strict=True)
        ]
        self.protected: list[Tensor] = []
        self.spared_to = 1.0
        self.just_shrunk = False
        self.scratch = {w.shape: tuple(torch.empty_like(w) for _ in range(3)) for w in self.weights}
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
    def steers(self) -> bool:
        return self.target is not None and self.options.solver == "proximal"

    def undecayed(self) -> list[Tensor]:
        return self.weights

    def start(self, optimiser: optim.Optimizer, plan: Plan) -> None:
        super().start(optimiser, plan)
        self.roots = [norms.clone() for norms in self.scores()]

    def penalty(self) -> Tensor | None:
        if self.options.solver == "proximal":
            return None
        return self.strength * sum(
            (s * safe_norm(w, self.dim).sum() for w, s in zip(self.weights, self.scale, strict=True)), torch.zeros(())
        )

    def after_step(self, step: int) -> None:
        if self.options.solver == "subgradient" or self.options.strength == 0:
            return
        if not self.held:
            self.held = [layer.norms(self.unpenalised) for layer in self.layers]
            self.means = [float(norms.mean()) for norms in self.scores()]
        if (step - self.plan.press_from) % self.options.steer_every == 1 % self.options.steer_every:
            hold_down(self.layers, self.unpenalised, self.held)
            if self.steers:
                self._steer(step)
        self.just_shrunk = step % self.options.every == 0
        if self.just_shrunk:
            self._shrink()

    def _steer(self, step: int) -> None:
        norms = self.ranking()
        self.protected = strongest(norms, self.target or 0, self.minima)
        mass = sum(float(n[~mask].sum()) for n, mask in zip(norms, self.protected, strict=True))
        if self.steering.before is None:
            self.steering.begin(self._first_strength(norms, mass), mass)
        else:
            self.steering.correct(self.plan.progress(step), mass)
        self.strength = self.steering.strength
        if self.options.spare is not None:
            self.spared_to = max(0.0, 1 - self.plan.progress(step) / max(self.options.spare, 1e-9))

    def _first_strength(self, norms: list[Tensor], mass: float) -> float:
        """A tenth of the lambda that would, unopposed, take the mass to zero within the press at today's rate of
        shrinking.
        """
        fall = 0.0
        for weight, mask, scale, mean in zip(self.weights, self.protected, self.scale, self.means, strict=True):
            metric = adam_metric(self.optimiser, weight)
            rate = sgd_threshold(self.optimiser, weight) if metric is None else float(metric.reciprocal().mean())
            fall += rate * scale / max(mean, 1e-30) * int((~mask).sum())
        return 0.1 * mass / max(fall * (self.plan.cut_at - self.plan.press_from), 1e-30)

    @torch.no_grad()
    def _shrink(self) -> None:
        protected = self.protected or strongest(self.scores(), 0, self.minima)
        for i, weight in enumerate(self.weights):
            pull = self.strength * self.scale[i] * self.options.every
            threshold = weight.new_full((len(protected[i]),), pull)
            if self.steers:
                threshold[protected[i]] *= self.spared_to
            scratch = self.scratch[weight.shape]
            metric = adam_metric(self.optimiser, weight, scratch[0])
            if metric is None:
                threshold *= sgd_threshold(self.optimiser, weight)
                self.roots[i] = shrink_euclidean(weight, threshold, self.dim, protected[i])
            else:
                self.roots[i] = shrink_diagonal(
                    weight, metric, threshold, self.dim, self.roots[i], protected[i], (scratch[1], scratch[2])
                )
            self._freeze(i)

    def _freeze(self, i: int) -> None:
        zero = self.roots[i] == 0
        self.zero_for[i] = torch.where(
            zero | (self.zero_for[i] >= self.options.patience), self.zero_for[i] + self.options.every, 0
        )
        frozen = self.zero_for[i] >= self.options.patience
        if bool(frozen.any()):
            self.weights[i].masked_fill_(frozen.unsqueeze(self.dim), 0)
            self.roots[i].masked_fill_(frozen, 0)

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
        return [w.detach().square().sum(self.dim).sqrt() for w in self.weights]

    def ranking(self) -> list[Tensor]:
        """Norms over their layer's mean at the start of the press; a running mean would flatter an emptied layer."""
        return [norms / max(mean, 1e-30) for norms, mean in zip(self.scores(), self.means, strict=True)]

    def alive(self) -> list[Tensor]:
        norms = self.scores()
        if self.options.solver == "proximal":
            return [n > 0 for n in norms]
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


def safe_norm(weight: Tensor, dim: int) -> Tensor:
    """Euclidean norms whose gradient at 0 is 0, the subgradient that keeps a zero group at rest; [groups]."""
    squares = weight.square().sum(dim)
    return torch.where(squares > 0, squares, 1.0).sqrt() * (squares > 0)
