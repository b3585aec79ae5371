"""Complexity-aware pruning by Bernoulli gates on nodes and layers, learned with the weights (Guenter and Sideris 2024,
"Complexity-aware training of deep neural networks for optimal structure discovery", arXiv 2411.09127).

The objective and the gates' update are our reading: only the abstract could be checked.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, optim

from asr_prune.acoustic.network import NodeLayer
from asr_prune.options import options
from asr_prune.pruning.budget import strongest, target_of
from asr_prune.pruning.cost import Cost
from asr_prune.pruning.gates import Gates
from asr_prune.pruning.method import Method
from asr_prune.pruning.options import PruneOptions
from asr_prune.pruning.plan import Plan
from asr_prune.pruning.saliency import LATEST, Saliency

log = logging.getLogger(__name__)

#: largest factor of one correction of nu
MOST = 1.3
#: share of the press after which the steered count is to be the target
LAND = 0.7


@options
class ComplexityOptions(PruneOptions):
    #: layers against nodes, 0 to 1: the price of a layer's gate is multiplied by 2 mu, of a node's gate by 2 (1 - mu)
    mu: float = 0.5
    #: what complexity counts, 0 to 1: 1 multiply-adds, 0 parameters
    rho: float = 0.5
    #: theta of every gate when the press begins
    theta: float = 1.0
    #: of CE(1) - CE(0) by the derivatives at the gate drawn: first order, or with the second
    estimate: Literal["first", "second"] = "second"
    #: learning rate of theta, to be multiplied by the number of hidden nodes
    rate: float = 0.05
    #: a gate whose theta stays at or below this for `patience` updates is off for good
    tolerance: float = 0.01
    #: updates, see tolerance
    patience: int = 50
    #: updates between two corrections of a steered nu
    steer_every: int = 8

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (0 <= self.mu <= 1 and 0 <= self.rho <= 1):
            raise ValueError("mu and rho must be from 0 to 1")
        if not 0 < self.theta <= 1 or not 0 <= self.tolerance < 1:
            raise ValueError("theta must be above 0 and at most 1, tolerance at least 0 and below 1")
        if self.rate <= 0 or min(self.patience, self.steer_every) < 1:
            raise ValueError("rate must be above 0, patience and steer_every 1 or more")


class Complexity(Method):
    """`J = E_gates[CE] + nu * C(theta)`: a node's output is multiplied by a gate that is 1 with probability theta, and
    so is what a layer gives that the network can do without. Gates are drawn for each mini-batch; theta follows the
    gradient and ends at 0 or 1, because C is linear in each. `strength` is nu; asked by `keep`, nu is steered.
    """

    Options: ClassVar[type[PruneOptions]] = ComplexityOptions
    options: ComplexityOptions

    def __init__(self, options: ComplexityOptions, layers: Sequence[NodeLayer]) -> None:
        super().__init__(options, layers)
        self.minima = [0 if x.skippable else least for x, least in zip(layers, self.minima, strict=True)]
        self.target = target_of(self.sizes, options.keep, self.minima)
        self.cost = Cost(layers, options.rho)
        self.gates = Gates(layers, options.theta, options.tolerance, options.patience)
        self.nu = options.strength or 0.0
        self.factors: list[Tensor] = []
        self.estimate = Saliency(layers)
        self.worth = [torch.zeros_like(theta) for theta in self.gates.nodes]
        self.layers_worth = torch.zeros_like(self.gates.layers)
        #: nodes that pay; the others are the fewest that their layer must have
        self.free = [~mask for mask in strongest(self.worth, 0, self.minima)]
        self.undecided = 0.0

    @property
    def steers(self) -> bool:
        return self.target is not None

    def start(self, optimiser: optim.Optimizer, plan: Plan) -> None:
        super().start(optimiser, plan)
        if not self.gates.skippable:
            log.info("complexity: the network cannot do without a layer, so that nodes alone have gates")

    @contextmanager
    def acting(self, training: bool) -> Iterator[None]:
        """In training the gates drawn act, else their means."""
        factors = self.factors if training or not self.factors else self.gates.probabilities()
        own = [layer.outgoing.weight.data for layer in self.layers]
        for layer, factor in zip(self.layers, factors, strict=False):
            layer.outgoing.weight.data = layer.outgoing.weight.data * factor
        try:
            with self.estimate.watching(factors) if training and self.factors else nullcontext():
                yield
        finally:
            for layer, data in zip(self.layers, own, strict=True):
                layer.outgoing.weight.data = data

    def after_backward(self) -> None:
        if self.factors:
            self.estimate.chain(self.factors)

    @torch.no_grad()
    def after_step(self, step: int) -> None:
        if self.options.strength == 0:
            return
        if self.factors:
            self._move(step)
        self.gates.draw(self.index)
        self.factors = self.gates.factors()

    def _move(self, step: int) -> None:
        gates, mu, slopes = self.gates, self.options.mu, self.cost.slopes(self.gates.counts())
        drawn = gates.drawn, gates.drawn_layers, self.options.estimate == "second"
        for worth, change in zip(self.worth, self.estimate.of_nodes(*drawn), strict=True):
            worth.lerp_(-change, LATEST)
        self.layers_worth.lerp_(-self.estimate.of_layers(*drawn), LATEST)
        prices = 2 * (1 - mu) * slopes * gates.layers
        if step % self.options.steer_every == 0:
            self.free = [~mask for mask in strongest(self.ranking(), 0, self.minima)]
            if self.target is not None:
                self._steer(step, prices)
        rate = self.options.rate * sum(self.sizes)
        nodes = [rate * (self.nu * p * f - w) for w, p, f in zip(self.worth, prices, self.free, strict=True)]
        layer_prices = 2 * mu * slopes * torch.stack([theta.sum() for theta in gates.nodes])
        gates.move(nodes, rate / slopes.new_tensor(self.sizes) * (self.nu * layer_prices - self.layers_worth))

    def _steer(self, step: int, prices: Tensor) -> None:
        """Moves nu towards the price at which as many nodes as wanted are worth more: that leads, where a count of
        gates that are off lags.
        """
        free = self.free
        wanted, count = self.wanted(self.plan.progress(step)), float(self.gates.counts().sum())
        rates = torch.cat([(w / p.clamp_min(1e-12))[f] for w, p, f in zip(self.worth, prices, free, strict=True)])
        if not len(rates):
            return
        rank = round(2 * wanted - count) - sum(len(f) for f in free) + len(rates)
        least = 0.01 * float(rates.clamp_min(0).mean())
        price = max(float(rates.kthvalue(len(rates) + 1 - min(max(rank, 1), len(rates))).values), least)
        if self.nu == 0:
            self.nu = max(price, 1e-6)
        self.nu *= min(max(price / self.nu, 1 / MOST), MOST)

    def wanted(self, progress: float) -> float:
        """Expected nodes at `progress`, 0 to 1, of the press: a cubic line down to the target (Zhu and Gupta 2017)."""
        nodes = float(sum(self.sizes))
        target = nodes if self.target is None else float(self.target)
        return target + (nodes - target) * max(0.0, 1 - progress / LAND) ** 3

    def gone(self) -> list[Tensor] | None:
        """Those whose gates are off for good; of a steered run never more than are to go."""
        if not self.factors:
            return None
        off = self.gates.off()
        if not any(bool(mask.any()) for mask in off):
            return None
        kept = strongest(self.ranking(), self.target or 0, self.minima)
        return [mask & ~stays for mask, stays in zip(off, kept, strict=True)]

    def narrow(self, kept: Sequence[Tensor]) -> None:
        super().narrow(kept)
        self.gates.narrow(kept)
        self.estimate.narrow(kept)
        for name in ("factors", "worth", "free"):
            setattr(self, name, [value[mask] for value, mask in zip(getattr(self, name), kept, strict=False)])

    def scores(self) -> list[Tensor]:
        """The probability with which each node acts."""
        return self.gates.probabilities()

    def ranking(self) -> list[Tensor]:
        """Among nodes that act as often, by what they are worth."""
        most = max(float(w.abs().max()) if len(w) else 0.0 for w in self.worth)
        return [p + 1e-3 * w / max(most, 1e-30) for p, w in zip(self.scores(), self.worth, strict=True)]

    def alive(self) -> list[Tensor]:
        return [p > 0.5 for p in self.scores()]

    @torch.no_grad()
    def finish(self) -> list[Tensor]:
        """A survivor that is undecided acts from now on as it did on average."""
        self.undecided = float(self.gates.undecided()) / (sum(self.sizes) + len(self.sizes) * self.gates.skippable)
        kept = super().finish()
        for layer, theta in zip(self.layers, self.scores(), strict=True):
            layer.outgoing.weight.mul_(theta)
        return kept

    def figures(self, kept: Sequence[Tensor]) -> dict[str, Any]:
        return {"undecided": self.undecided, "layers_dropped": sum(not bool(mask.any()) for mask in kept)}

    def end_of_epoch(self, dev_cross_entropy: float, pressing: bool) -> dict[str, Any]:
        macs, params = self.cost.expected(self.gates.counts())
        told = {"strength": self.nu, "expected_macs": float(macs), "expected_params": float(params)}
        return told | {"undecided": int(self.gates.undecided())}

    def state_dict(self) -> dict[str, Any]:
        return {
            "gates": self.gates.state_dict(),
            "estimate": self.estimate.state_dict(),
            "nu": self.nu,
            "factors": self.factors,
            "worth": self.worth,
            "layers_worth": self.layers_worth,
            "free": self.free,
            "undecided": self.undecided,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.gates.load_state_dict(state["gates"])
        self.estimate.load_state_dict(state["estimate"])
        self.nu, self.undecided = state["nu"], state["undecided"]
        for name in ("factors", "worth", "layers_worth", "free"):
            setattr(self, name, state[name])
