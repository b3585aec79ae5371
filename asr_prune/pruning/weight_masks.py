"""Masks on single weights, for the baselines that prune weights by magnitude."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, optim

from asr_prune.pruning.lengths import Length
from asr_prune.pruning.masks import Masks
from asr_prune.pruning.nodes import Nodes, largest
from asr_prune.pruning.schedule import Phases, WholeRunSchedule, cubic
from asr_prune.pruning.weight_options import WeightOptions


class MaskingSchedule(WholeRunSchedule):
    """Warm-up, masking and fine-tuning by fractions of the updates; masks are held to the end.

    own: these phases, while the method as a whole acts on every update.
    """

    def __init__(self, warm_up: Length, fine_tune: Length, press: Length | None = None) -> None:
        super().__init__()
        self.lengths = warm_up, fine_tune, press
        self.own = Phases(1, 0, 1)

    def start(self, phases: Phases) -> None:
        self.own = Phases.of(phases.steps, *self.lengths, self.epochs)

    def phase(self, step: int) -> str:
        if step < self.own.sparsify_from:
            return "warm_up"
        return "sparsify" if step < self.own.cut_at else "fine_tune"


class WeightMasks(Masks):
    """The smallest weights by magnitude are zero and stay so; all layers are ranked together.

    every: updates between two masks, whose sparsity rises by Zhu and Gupta's cubic schedule; None:
    one mask at the end of the sparsify phase.
    """

    def __init__(
        self, options: WeightOptions, nodes: Nodes, schedule: MaskingSchedule, every: int | None = None
    ) -> None:
        super().__init__()
        self.options, self.nodes, self.schedule, self.every = options, nodes, schedule, every

    def start(self, optimiser: optim.Optimizer, phases: Phases) -> None:
        super().start(optimiser, phases)
        self.done = 0

    @property
    def raises_dev(self) -> bool:
        own = self.schedule.own
        return self.every is not None and own.sparsify_from <= self.done < own.cut_at

    @property
    def maskable(self) -> list[Tensor]:
        return self.nodes.weights(self.options.output_layer)

    @torch.no_grad()
    def after_step(self, step: int) -> None:
        self.done = step
        if self.options.masked and self._due(step):
            weights = self.maskable
            kept = round((1 - self._sparsity(step)) * sum(w.numel() for w in weights))
            self.masks = [
                mask.to(w) for mask, w in zip(largest([w.abs() for w in weights], kept), weights, strict=True)
            ]
        self.apply()

    def _due(self, step: int) -> bool:
        own = self.schedule.own
        between = own.sparsify_from < step < own.cut_at
        return step == own.cut_at or (self.every is not None and between and step % self.every == 0)

    def _sparsity(self, step: int) -> float:
        return self.options.masked * (1 - cubic(1.0, 0.0, self.schedule.own.progress(step)))

    def state_dict(self) -> dict[str, Any]:
        return {"masks": self.masks, "done": self.done}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.masks, self.done = state["masks"], state["done"]
