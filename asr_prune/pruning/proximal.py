"""Penalties of node vectors by proximal steps after the update, and lambda steered to the nodes or
the cost that was asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, optim

from asr_prune.pruning import prox
from asr_prune.pruning.batches import LayerBatch, Scratch, batches, of_layers
from asr_prune.pruning.nodes import Nodes, narrowed
from asr_prune.pruning.parts import Penalty
from asr_prune.pruning.proximal_options import ProximalOptions
from asr_prune.pruning.reading import read
from asr_prune.pruning.schedule import Phases
from asr_prune.pruning.scores import PenalisedScore
from asr_prune.pruning.steering import Steering

#: corrections of a steered lambda that a sparsify phase has at least; a short one has more than
#: every `steer_every` updates
CORRECTIONS = 40


class ProximalStep(NamedTuple):
    """What a proximal step of a batch of layers is given.

    metric: like the matrix, None for SGD; strength, protected: [nodes of the batch]; buffers: two
    tensors like the matrix.
    """

    matrix: Tensor
    metric: Tensor | None
    strength: Tensor
    protected: Tensor
    buffers: Sequence[Tensor]


class ProximalPenalty(Penalty):
    """`lambda * sum_l sum_j pull_lj * r(v_lj)` over all hidden nodes; biases are in no group.

    Every few updates each vector takes the proximal step of its penalty in the optimiser's metric.
    With `keep` or `budget`, lambda is steered if the penalty reaches exact zeros. r is the
    Euclidean norm here; `step` may replace it.
    """

    def __init__(self, options: ProximalOptions, nodes: Nodes, score: PenalisedScore) -> None:
        self.options, self.nodes, self.score = options, nodes, score
        self.steering = Steering()
        self.strength = options.strength if options.strength is not None else (0.0 if self.steers else options.penalty)
        self.dim = score.dim
        self.pulls = [torch.ones(x.size).to(w) for x, w in zip(nodes.layers, self.vectors, strict=True)]
        self.zero_for = [
            torch.zeros(layer.size, dtype=torch.int32, device=w.device)
            for layer, w in zip(nodes.layers, self.vectors, strict=True)
        ]
        self.protected: list[Tensor] = []
        self.spared_to = 1.0
        self.just_shrunk = False
        #: after a proximal step: nodes of each layer that are not zero, and how many are to go
        self.left, self.due = [0.0], 0.0
        self.scratch = Scratch()
        self.batches = self.together()
        self.held: list[Tensor] = []
        self.dev_before: float | None = None

    @property
    def raises_dev(self) -> bool:
        return True

    @property
    def vectors(self) -> list[Tensor]:
        """The penalised weight matrices, one a layer; of both vectors the incoming ones."""
        return self.nodes.vectors("incoming" if self.options.vectors == "both" else self.options.vectors)

    @property
    def unpenalised(self) -> str:
        """The side of a node that a ReLU network could grow to escape the penalty."""
        return "incoming" if self.options.vectors == "outgoing" else "outgoing"

    @property
    def has_zeros(self) -> bool:
        """Whether the penalty brings vectors to exactly zero."""
        return self.score.tolerance is None

    @property
    def steers(self) -> bool:
        return self.nodes.target is not None and self.has_zeros

    def no_decay(self) -> list[Tensor]:
        return self.vectors

    def start(self, optimiser: optim.Optimizer, phases: Phases) -> None:
        super().start(optimiser, phases)
        self.every, self.steer_every = self.options.every, self.options.steer_every
        if self.steers:
            press = phases.cut_at - phases.sparsify_from
            self.steer_every = min(self.steer_every, max(1, press // CORRECTIONS))
            self.every = min(self.every, self.steer_every)
        self.score.roots = [norms.clone() for norms in self.score.scores()]

    def together(self) -> list[LayerBatch]:
        """Which layers take their steps together."""
        return batches(self.vectors, self.dim)

    def after_step(self, step: int) -> None:
        if self.options.strength == 0:
            return
        if not self.held:
            self.held = [layer.norms(self.unpenalised) for layer in self.nodes.layers]
            self.score.means = read(norms.mean() for norms in self.score.scores())
        if self.corrects(step):
            self.hold_down()
            if self.steers:
                self._steer(step)
        self.just_shrunk = step % self.every == 0 or step == self.phases.cut_at
        if self.just_shrunk:
            self._shrink()

    def corrects(self, step: int) -> bool:
        """Whether lambda is corrected after update `step`."""
        return (step - self.phases.sparsify_from) % self.steer_every == 1 % self.steer_every

    def hold_down(self) -> None:
        """Undoes the growth of unpenalised vectors."""
        prox.hold_down(self.nodes.layers, self.unpenalised, self.held)

    def prospects(self) -> list[Tensor]:
        """The nodes that would be kept now; boolean [nodes] a layer."""
        return self.nodes.strongest(self.score.ranking())

    def _steer(self, step: int) -> None:
        norms = self.score.ranking()
        self.protected = self.prospects()
        mass = sum(read(n[~mask].sum() for n, mask in zip(norms, self.protected, strict=True)))
        if self.steering.before is None:
            if not any(prox.moves(self.optimiser, weight) for weight in self.vectors):
                return  # how fast a penalty shrinks is not known yet
            self.steering.begin(self._first_strength(mass), mass)
        else:
            self.steering.correct(self.phases.progress(step), mass)
        self.strength = self.steering.strength
        if self.options.spare is not None:
            self.spared_to = max(0.0, 1 - self.phases.progress(step) / max(self.options.spare, 1e-9))

    def _first_strength(self, mass: float) -> float:
        """A tenth of the lambda that would, unopposed, bring the mass to zero within the sparsify
        phase at the present rate of shrinking.
        """
        fall = 0.0
        for i, (weight, mask) in enumerate(zip(self.vectors, self.protected, strict=True)):
            metric = prox.adam_metric(self.optimiser, weight)
            rate = prox.sgd_threshold(self.optimiser, weight) if metric is None else float(metric.reciprocal().mean())
            fall += rate * self.fall(i) * float(self.pulls[i][~mask].sum()) / max(self.score.means[i], 1e-30)
        return 0.1 * mass / max(fall * (self.phases.cut_at - self.phases.sparsify_from), 1e-30)

    def fall(self, i: int) -> float:
        """By how much a score of layer i falls per unit of penalty at a metric of 1."""
        return 1.0

    @torch.no_grad()
    def _shrink(self) -> None:
        sizes = [len(pull) for pull in self.pulls]
        protected = torch.cat(self.protected or self.nodes.minimal(self.score.scores()))
        strength = torch.cat(self.pulls) * (self.strength * self.every)
        if self.steers:
            strength = torch.where(protected, strength * self.spared_to, strength)
        strengths, masks = strength.split(sizes), protected.split(sizes)
        done = ((batch, self.shrink(batch, batch.vector(strengths), batch.vector(masks))) for batch in self.batches)
        self.score.roots = of_layers(done, sizes)
        zero_for = torch.where(torch.cat(self.score.roots) == 0, torch.cat(self.zero_for) + self.every, 0)
        self.zero_for = list(zero_for.split(sizes))
        if self.has_zeros:  # read at once, for both `gone` and `reached`
            due = (zero_for >= self.options.patience).count_nonzero()
            *self.left, self.due = read([*(r.count_nonzero() for r in self.score.roots), due])

    def shrink(self, batch: LayerBatch, strength: Tensor, protected: Tensor) -> Tensor:
        """One proximal step of the layers of a batch, in place; returns their new scores. strength,
        protected, scores: [nodes of all].
        """
        own = batch.own(self.vectors)
        matrix = batch.matrix(own)
        first, *buffers = self.scratch.like(matrix)
        metric = prox.batch_metric(self.optimiser, own, batch, first)
        roots = self.step(batch, ProximalStep(matrix, metric, strength, protected, buffers))
        batch.put_back(matrix, own)
        return roots

    def step(self, batch: LayerBatch, given: ProximalStep) -> Tensor:
        """The prox of r for the matrix of a batch, in place; returns its new scores."""
        matrix, metric, strength, protected, buffers = given
        if metric is None:
            threshold = strength * prox.sgd_threshold(self.optimiser, self.vectors[batch.members[0]])
            return prox.shrink_euclidean(matrix, threshold, batch.dim, protected)
        start = batch.vector(self.score.roots)
        return prox.shrink_diagonal(matrix, metric, strength, batch.dim, start, protected, buffers)

    def gone(self) -> list[Tensor] | None:
        """Nodes that have been zero for `patience` updates; known after proximal steps."""
        if not (self.has_zeros and self.just_shrunk and self.due):
            return None
        return [count >= self.options.patience for count in self.zero_for]

    def narrow(self, kept: Sequence[Tensor]) -> None:
        self.scratch, self.batches = Scratch(), self.together()
        for name in ("pulls", "zero_for", "protected", "held"):
            setattr(self, name, narrowed(getattr(self, name), kept))

    def end_of_epoch(self, dev_cross_entropy: float, sparsifying: bool) -> dict[str, Any]:
        if not sparsifying or self.dev_before is None:
            self.dev_before = dev_cross_entropy
        elif dev_cross_entropy > self.options.guard * self.dev_before:
            self.steering.hold()
        else:
            self.steering.free()
        return {"strength": self.strength}

    def reached(self) -> bool:
        if not self.steers or not self.just_shrunk:
            return False
        return self.nodes.request.spent(self.left) <= (self.nodes.target or 0)

    NAMES = ("strength", "zero_for", "held", "protected", "spared_to", "dev_before")

    def state_dict(self) -> dict[str, Any]:
        state = {name: getattr(self, name) for name in self.NAMES}
        return state | {"steering": self.steering.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.steering.load_state_dict(state["steering"])
        for name in self.NAMES:
            setattr(self, name, state[name])
