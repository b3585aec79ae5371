"""Dense-sparse-dense training (Han et al. 2017, "DSD: dense-sparse-dense training for deep neural
networks", arXiv 1607.04381).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor

from asr_prune.acoustic.node_layer import NodeLayer
from asr_prune.errors import UserError
from asr_prune.pruning.lengths import updates_in
from asr_prune.pruning.masks import Masks
from asr_prune.pruning.method import KeepsEveryNode
from asr_prune.pruning.methods.dsd.options import DsdOptions
from asr_prune.pruning.nodes import Nodes, largest
from asr_prune.pruning.schedule import Phases, WholeRunSchedule
from asr_prune.pruning.scores import node_norms

_BINS = 81


class Dsd(KeepsEveryNode):
    """Dense: train. Sparse: in each layer the smallest weights (or nodes' outgoing vectors) are
    zero and stay so. Re-dense: they are free again, from zero. Ends with every node; the sparse
    phase's network is saved beside it.
    """

    def __init__(self, options: DsdOptions, layers: Sequence[NodeLayer]) -> None:
        super().__init__(options, layers)
        self.schedule: DsdSchedule = DsdSchedule(options)
        self.weights: SparseWeights = SparseWeights(options, self.nodes, self.schedule)

    def histograms(self) -> dict[str, Tensor]:
        return self.weights.histograms if len(self.schedule.ends) > 1 else {}


class DsdSchedule(WholeRunSchedule):
    """Phases dense, sparse, re-dense, each with its own learning rate. ends: the last update of
    each.
    """

    def __init__(self, options: DsdOptions) -> None:
        super().__init__()
        self.options = options
        self.ends: list[int] = []

    def parts(self, steps: int) -> list[tuple[int, float]]:
        """One part a phase, or the whole run in one."""
        lengths = self.lengths(steps)
        if len(lengths) == 1 or not self.options.restart:
            return [(steps, 1.0)]
        return list(zip(lengths, self.options.rates or [0.1**i for i in range(len(lengths))], strict=True))

    def lengths(self, steps: int) -> list[int]:
        """The updates of each phase, at least one; the last takes what rounding leaves."""
        if self.options.masked == 0:
            return [steps]
        count = self.options.phases
        if steps < count:
            raise UserError(f"dsd has {count} phases and the run {steps} updates; raise train.epochs.")
        ends = [min(max(end, i), steps - count + i) for i, end in enumerate(self._ends(steps), 1)]
        return [end - start for start, end in zip([0, *ends], ends, strict=False)]

    def _ends(self, steps: int) -> list[int]:
        count = self.options.phases
        shares = list(self.options.shares or [1 / count] * count)[: count - 1]
        texts = [each if isinstance(each, str) else "0 updates" for each in shares]
        counted = accumulate(updates_in("shares", each, steps, self.epochs) for each in texts)
        fractions = accumulate(0.0 if isinstance(each, str) else each for each in shares)
        ends = [a + round(b * steps) for a, b in zip(counted, fractions, strict=True)]
        if ends[-1] >= steps and any(isinstance(each, str) for each in shares):
            raise UserError(
                f"the run has {steps} updates, of which prune.shares takes {ends[-1]} before the last "
                "phase; make them shorter or raise train.epochs."
            )
        return [*ends, steps]

    def start(self, phases: Phases) -> None:
        self.ends = list(accumulate(self.lengths(phases.steps)))

    def phase(self, step: int) -> str:
        done = sum(step > end for end in self.ends)
        return "sparse" if done % 2 else "re-dense" if done else "dense"

    def snapshot(self, step: int) -> str | None:
        """The sparse network, at the end of the last sparse phase."""
        return "sparse" if len(self.ends) > 1 and step == self.ends[-2] else None


class SparseWeights(Masks):
    """Keeps masked weights at zero in the sparse phases; counts histograms of weights at the end of
    each phase. In a dense phase there are no masks.
    """

    def __init__(self, options: DsdOptions, nodes: Nodes, schedule: DsdSchedule) -> None:
        super().__init__()
        self.options, self.nodes, self.schedule = options, nodes, schedule
        self.histograms: dict[str, Tensor] = {}

    @property
    def maskable(self) -> list[Tensor]:
        by_node = self.options.granularity == "node"
        return self.nodes.vectors("outgoing") if by_node else self.nodes.weights(self.options.output_layer)

    @torch.no_grad()
    def after_step(self, step: int) -> None:
        self.apply()
        if step in self.schedule.ends:
            self._end_phase(self.schedule.ends.index(step))

    def _end_phase(self, index: int) -> None:
        ends = self.schedule.ends
        self._count(f"{index + 1} {self.schedule.phase(ends[index])}")
        self.masks = [] if index % 2 or index == len(ends) - 1 else self.strongest()
        self.apply()

    def strongest(self) -> list[Tensor]:
        """New masks, with the same sparsity in each layer."""
        if self.options.granularity == "weight":
            kept = 1 - self.options.masked
            return [largest([w.abs()], round(kept * w.numel()))[0].to(w) for w in self.maskable]
        layers = self.nodes.layers
        pairs = zip(node_norms(layers), self.options.counts([layer.size for layer in layers]), strict=True)
        return [largest([n], count)[0].to(n)[None, :] for n, count in pairs]

    def _count(self, name: str) -> None:
        weights = [w.detach() for w in self.nodes.weights()]
        if not self.histograms:
            spread = max(float(w.std()) for w in weights)
            self.histograms["edges"] = torch.linspace(-4 * spread, 4 * spread, _BINS + 1, dtype=torch.float64)
        bound = float(self.histograms["edges"][-1])
        rows = [torch.histc(w.clamp(-bound, bound).float().cpu(), _BINS, -bound, bound) for w in weights]
        self.histograms[name] = torch.stack(rows).long()

    def state_dict(self) -> dict[str, Any]:
        return {"masks": self.masks, "counted": self.histograms}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.masks, self.histograms = state["masks"], state["counted"]
