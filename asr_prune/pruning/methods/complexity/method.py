"""Complexity-aware pruning by Bernoulli gates on nodes and layers, learned with the weights
(Guenter and Sideris 2024, "Complexity-aware training of deep neural networks for optimal structure
discovery", arXiv 2411.09127).

The objective and the gates' update are our reading: only the abstract could be checked.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, optim

from asr_prune.acoustic.node_layer import NodeLayer
from asr_prune.pruning.method import Method
from asr_prune.pruning.methods.complexity.cost import Cost
from asr_prune.pruning.methods.complexity.gates import Gates, GateScore
from asr_prune.pruning.methods.complexity.options import ComplexityOptions
from asr_prune.pruning.methods.complexity.saliency import LATEST, Saliency
from asr_prune.pruning.nodes import Nodes, narrowed
from asr_prune.pruning.parts import ActingWeights, Penalty
from asr_prune.pruning.schedule import Phases, cubic

log = logging.getLogger(__name__)

#: the largest factor of one correction of nu
_LARGEST_CORRECTION = 1.3
#: the fraction of the sparsify phase after which the steered count reaches the target
_LAND = 0.7


class Complexity(Method):
    """`J = E_gates[CE] + nu * C(theta)`: a node's output is multiplied by a gate that is 1 with
    probability theta, and so is the output of a layer that the network can do without. Gates are
    sampled for each mini-batch; theta follows the gradient and ends at 0 or 1, because C is linear
    in each. `strength` is nu; with `keep`, nu is steered.
    """

    def __init__(self, options: ComplexityOptions, layers: Sequence[NodeLayer]) -> None:
        super().__init__(options, layers)
        nodes = self.nodes
        pairs = zip(layers, nodes.minima, strict=True)
        nodes.set_minima([0 if x.skippable else least for x, least in pairs])
        self.gates = Gates(layers, options.theta, options.tolerance, options.patience)
        self.score: GateScore = GateScore(nodes, self.gates)
        self.weights: GatedWeights = GatedWeights(options, nodes, self.score)
        self.penalty: PricePenalty = PricePenalty(options, nodes, self.score, self.weights)

    def start(self, optimiser: optim.Optimizer, phases: Phases) -> None:
        super().start(optimiser, phases)
        if not bool(self.gates.skippable.any()):
            log.info("complexity: the network has no layers that could be left out, so only nodes have gates")

    @torch.no_grad()
    def finish(self) -> list[Tensor]:
        """A kept node whose gate is undecided acts from now on as it did on average."""
        gates, sizes = self.gates, self.nodes.sizes
        self.penalty.undecided = float(gates.undecided()) / (sum(sizes) + int(gates.skippable.sum()))
        kept = super().finish()
        for layer, theta in zip(self.nodes.layers, self.score.scores(), strict=True):
            layer.outgoing.weight.mul_(theta)
        return kept

    def figures(self, kept: Sequence[Tensor]) -> dict[str, Any]:
        dropped = sum(not bool(mask.any()) for mask in kept)
        return {"undecided": self.penalty.undecided, "layers_dropped": dropped}


class GatedWeights(ActingWeights):
    """Outgoing vectors multiplied by gates: the sampled ones in training, their means elsewhere.

    factors: what the sampled gates multiply by, float [nodes] a layer; empty before the sparsify
    phase.
    """

    def __init__(self, options: ComplexityOptions, nodes: Nodes, score: GateScore) -> None:
        self.nodes, self.score, self.gates = nodes, score, score.gates
        self.idle = options.strength == 0
        self.factors: list[Tensor] = []
        self.estimate = Saliency(nodes.layers)

    @contextmanager
    def acting(self, training: bool) -> Iterator[None]:
        factors = self.factors if training or not self.factors else self.gates.probabilities()
        layers = self.nodes.layers
        trained = [layer.outgoing.weight.data for layer in layers]
        for layer, factor in zip(layers, factors, strict=False):
            layer.outgoing.weight.data = layer.outgoing.weight.data * factor
        try:
            with self.estimate.watching(factors) if training and self.factors else nullcontext():
                yield
        finally:
            for layer, data in zip(layers, trained, strict=True):
                layer.outgoing.weight.data = data

    def after_backward(self) -> None:
        if self.factors:
            self.estimate.chain(self.factors)

    def after_step(self, step: int) -> None:
        if not self.idle:
            self.gates.draw(self.nodes.index)
            self.factors = self.gates.factors()

    def gone(self) -> list[Tensor] | None:
        """Nodes whose gates are off for good; with a target never more than have to go."""
        if not self.factors or not self.gates.some_off():
            return None
        kept = self.nodes.strongest(self.score.ranking())
        return [mask & ~stays for mask, stays in zip(self.gates.off(), kept, strict=True)]

    def narrow(self, kept: Sequence[Tensor]) -> None:
        self.gates.narrow(kept)
        self.estimate.narrow(kept)
        self.factors = narrowed(self.factors, kept)

    def state_dict(self) -> dict[str, Any]:
        states = {"gates": self.gates.state_dict(), "estimate": self.estimate.state_dict()}
        return states | {"factors": self.factors}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.gates.load_state_dict(state["gates"])
        self.estimate.load_state_dict(state["estimate"])
        self.factors = state["factors"]


class PricePenalty(Penalty):
    """Moves theta by saliency against price, nu * dC/dtheta, and steers nu.

    payers: the nodes that pay, boolean [nodes] a layer; the others are the fewest that their layer
    must have. undecided: fraction of the gates that were neither 0 nor 1 at the cut.
    """

    def __init__(
        self,
        options: ComplexityOptions,
        nodes: Nodes,
        score: GateScore,
        weights: GatedWeights,
    ) -> None:
        self.options, self.nodes, self.score, self.weights = options, nodes, score, weights
        self.gates = score.gates
        self.cost = Cost(nodes.layers, options.rho)
        self.sizes = self.gates.layers.new_tensor(nodes.sizes)
        self.nu = options.strength or 0.0
        self.payers = [~mask for mask in nodes.minimal(score.saliency)]
        self.undecided = 0.0

    @property
    def raises_dev(self) -> bool:
        return True

    @property
    def steers(self) -> bool:
        return self.nodes.target is not None

    @torch.no_grad()
    def after_step(self, step: int) -> None:
        if not self.weights.factors:
            return
        gates, mu, slopes = self.gates, self.options.mu, self.cost.slopes(self.gates.counts())
        self._update_saliency()
        prices = 2 * (1 - mu) * slopes * gates.layers
        if step % self.options.steer_every == 0:
            self.payers = [~mask for mask in self.nodes.minimal(self.score.ranking())]
            if self.steers:
                self._steer(step, prices)
        rate = self.options.rate * self.nodes.total
        pairs = zip(self.score.saliency, prices, self.payers, strict=True)
        nodes = [rate * (self.nu * p * pays - w) for w, p, pays in pairs]
        layer_prices = 2 * mu * slopes * torch.stack([theta.sum() for theta in gates.nodes])
        gates.move(nodes, rate / self.sizes * (self.nu * layer_prices - self.score.of_layers))

    def _update_saliency(self) -> None:
        estimate, gates = self.weights.estimate, self.gates
        sample = gates.drawn, gates.drawn_layers, self.options.estimate == "second"
        for mean, change in zip(self.score.saliency, estimate.of_nodes(*sample), strict=True):
            mean.lerp_(-change, LATEST)
        self.score.of_layers.lerp_(-estimate.of_layers(*sample), LATEST)

    def _steer(self, step: int, prices: Tensor) -> None:
        """Moves nu towards the price below which nodes cost as much as is wanted: that leads,
        whereas the count of gates that are off lags.
        """
        wanted, request = self.wanted(self.phases.progress(step)), self.nodes.request
        counts = self.gates.counts()
        count = float(counts.sum()) if self.options.budget is None else request.spent(counts.tolist())
        triples = zip(self.score.saliency, prices, self.payers, strict=True)
        rates = torch.cat([(w / p.clamp_min(1e-12))[pays] for w, p, pays in triples])
        if not len(rates):
            return
        layers = torch.cat([torch.full_like(pays, i, dtype=torch.int64)[pays] for i, pays in enumerate(self.payers)])
        ranked = layers[rates.argsort(descending=True)].cpu().numpy()
        rank = request.room(ranked, [int((~pays).sum()) for pays in self.payers], 2 * wanted - count)
        least = 0.01 * float(rates.clamp_min(0).mean())
        price = max(float(rates.kthvalue(len(rates) + 1 - min(max(rank, 1), len(rates))).values), least)
        if self.nu == 0:
            self.nu = max(price, 1e-6)
        self.nu *= min(max(price / self.nu, 1 / _LARGEST_CORRECTION), _LARGEST_CORRECTION)

    def wanted(self, progress: float) -> float:
        """Expected nodes, or cost, at `progress`, 0 to 1, of the sparsify phase: a cubic schedule
        down to the target.
        """
        total, target = float(self.nodes.request.dense), self.nodes.target
        return cubic(total, total if target is None else float(target), min(1.0, progress / _LAND))

    def end_of_epoch(self, dev_cross_entropy: float, sparsifying: bool) -> dict[str, Any]:
        macs, params = self.cost.expected(self.gates.counts())
        figures = {"strength": self.nu, "expected_macs": float(macs)}
        return figures | {
            "expected_params": float(params),
            "undecided": int(self.gates.undecided()),
        }

    def narrow(self, kept: Sequence[Tensor]) -> None:
        self.payers = narrowed(self.payers, kept)

    def state_dict(self) -> dict[str, Any]:
        return {"nu": self.nu, "free": self.payers, "undecided": self.undecided}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.nu, self.payers, self.undecided = state["nu"], state["free"], state["undecided"]
