"""Dense-sparse-dense training (Han et al. 2017, "DSD: dense-sparse-dense training for deep neural networks", arXiv
1607.04381).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any, ClassVar

import torch
from torch import Tensor, optim

from asr_prune.acoustic.network import NodeLayer
from asr_prune.errors import UserError
from asr_prune.options import options
from asr_prune.pruning.masks import largest, node_norms, weights_of
from asr_prune.pruning.method import Method
from asr_prune.pruning.options import PruneOptions, SparseOptions
from asr_prune.pruning.plan import Plan

BINS = 81


@options
class DsdOptions(SparseOptions):
    #: times that sparse and re-dense follow each other
    cycles: int = 1
    #: factor on the learning rate in each phase, 1 + 2 * cycles of them; empty: each phase a tenth of the one before
    rates: tuple[float, ...] = ()
    #: share of the updates of each phase, 1 + 2 * cycles of them, together 1; empty: all alike
    shares: tuple[float, ...] = ()
    #: whether the output layer's weights are masked too
    output_layer: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.cycles < 1:
            raise ValueError(f"cycles must be 1 or more, not {self.cycles}")
        for name, values in (("rates", self.rates), ("shares", self.shares)):
            if values and len(values) != self.phases:
                raise ValueError(f"{name} must have {self.phases} entries, one a phase, not {len(values)}")
            if values and min(values) <= 0:
                raise ValueError(f"{name} must be above 0, not {list(values)}")
        if self.shares and abs(sum(self.shares) - 1) > 1e-6:
            raise ValueError(f"shares must add up to 1, not to {sum(self.shares):g}")

    @property
    def phases(self) -> int:
        return 1 + 2 * self.cycles


class Dsd(Method):
    """Dense: train. Sparse: in each layer the smallest weights (or nodes' outgoing vectors) are zero and stay so.
    Re-dense: they are free again, from zero. Ends with every node; the sparse phase's network is kept beside it.
    """

    Options: ClassVar[type[PruneOptions]] = DsdOptions
    options: DsdOptions

    def __init__(self, options: DsdOptions, layers: Sequence[NodeLayer]) -> None:
        super().__init__(options, layers)
        by_node = options.granularity == "node"
        self.weights = [x.outgoing.weight for x in layers] if by_node else weights_of(layers, options.output_layer)
        self.masks: list[Tensor] = []
        self.counted: dict[str, Tensor] = {}

    @property
    def penalises(self) -> bool:
        return False

    @property
    def idle(self) -> bool:
        """Whether nothing is to be masked, so that there are no phases either."""
        return self.options.masked == 0

    def plan_of(self, steps: int) -> Plan:
        return Plan(steps, 0, steps)

    def parts(self, steps: int) -> list[tuple[int, float]]:
        """A phase is a part; each has at least one update, the last what rounding leaves."""
        if self.idle:
            return [(steps, 1.0)]
        count = self.options.phases
        if steps < count:
            raise UserError(f"dsd has {count} phases and the run {steps} updates; raise train.epochs.")
        shares = self.options.shares or [1 / count] * count
        ends = [min(max(round(share * steps), i), steps - count + i) for i, share in enumerate(accumulate(shares), 1)]
        factors = self.options.rates or [0.1**i for i in range(count)]
        return [(end - start, factor) for start, end, factor in zip([0, *ends], ends, factors, strict=False)]

    def start(self, optimiser: optim.Optimizer, plan: Plan) -> None:
        super().start(optimiser, plan)
        self.ends = list(accumulate(updates for updates, _ in self.parts(plan.steps)))

    def phase(self, step: int) -> str:
        done = sum(step > end for end in self.ends)
        return "sparse" if done % 2 else "re-dense" if done else "dense"

    @torch.no_grad()
    def after_backward(self) -> None:
        for weight, mask in zip(self.weights, self.masks, strict=False):
            if weight.grad is not None:
                weight.grad.mul_(mask)

    @torch.no_grad()
    def after_step(self, step: int) -> None:
        for weight, mask in zip(self.weights, self.masks, strict=False):
            weight.mul_(mask)
        if step in self.ends:
            self._end_phase(self.ends.index(step))

    def _end_phase(self, index: int) -> None:
        self._count(f"{index + 1} {self.phase(self.ends[index])}")
        last = index == len(self.ends) - 1
        self.masks = [] if index % 2 or last else self._strongest()
        for weight, mask in zip(self.weights, self.masks, strict=False):
            weight.mul_(mask)

    def _strongest(self) -> list[Tensor]:
        """Masks that broadcast over the weights: the same share of each layer."""
        if self.options.granularity == "weight":
            kept = 1 - self.options.masked
            return [largest([w.abs()], round(kept * w.numel()))[0].to(w) for w in self.weights]
        counts = [
            max(round((1 - self.options.masked) * x.size), min(x.size, self.options.min_nodes)) for x in self.layers
        ]
        norms = node_norms(self.layers)
        return [largest([n], count)[0].to(n)[None, :] for n, count in zip(norms, counts, strict=True)]

    def snapshot(self, step: int) -> str | None:
        """The sparse network, once the last sparse phase is over."""
        return "sparse" if len(self.ends) > 1 and step == self.ends[-2] else None

    def _count(self, name: str) -> None:
        everything = [w.detach() for w in weights_of(self.layers, output=True)]
        if not self.counted:
            spread = max(float(w.std()) for w in everything)
            self.counted["edges"] = torch.linspace(-4 * spread, 4 * spread, BINS + 1, dtype=torch.float64)
        bound = float(self.counted["edges"][-1])
        rows = [torch.histc(w.clamp(-bound, bound).float().cpu(), BINS, -bound, bound) for w in everything]
        self.counted[name] = torch.stack(rows).long()

    def histograms(self) -> dict[str, Tensor]:
        return self.counted if len(self.ends) > 1 else {}

    def scores(self) -> list[Tensor]:
        return [layer.norms("outgoing") for layer in self.layers]

    def finish(self) -> list[Tensor]:
        return self.every_node()

    def state_dict(self) -> dict[str, Any]:
        return {"masks": self.masks, "counted": self.counted}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.masks, self.counted = state["masks"], state["counted"]
