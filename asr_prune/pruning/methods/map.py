"""Magnitude attention based dynamic pruning (Back, Ahn and Kim 2023, arXiv 2306.05056).

Our reading of the paper's abstract: importance is continuous, weights are masked gradually and may come back
(exploration), and then the found network is trained with the mask fixed (exploitation).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, optim

from asr_prune.acoustic.network import NodeLayer
from asr_prune.options import options
from asr_prune.pruning.budget import strongest
from asr_prune.pruning.masks import largest, node_norms, weights_of
from asr_prune.pruning.method import Method
from asr_prune.pruning.options import PruneOptions, SparseOptions
from asr_prune.pruning.plan import Plan

#: largest factor on an update in the exploitation
CAP = 2.0


@options
class MapOptions(SparseOptions):
    USUAL: ClassVar[float] = 0.8
    #: exponent of the attention: 0 is none, large lets only the largest be attended to
    beta: float = 1.0
    #: updates between two refreshments of mask and attention
    every: int = 16
    #: share of the updates after which the mask is fixed
    switch: float = 0.75
    #: whether all layers compete for the same survivors, or each keeps its share
    threshold: Literal["global", "layer"] = "global"
    #: whose largest magnitude has attention 1
    scale: Literal["layer", "global"] = "layer"
    #: granularity weight: whether the output layer's weights are masked too
    output_layer: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.beta < 0 or self.every < 1 or not 0 < self.switch <= 1:
            raise ValueError("beta must be 0 or more, every 1 or more, switch above 0 and at most 1")


class Map(Method):
    """With attention `a = (|w| / s)^beta`, mask M and t/T from 0 to 1 up to the switch:

    exploration computes with `W * (M + (1 - M) * a * (1 - t/T))` and multiplies updates of W by `M + (1 - M) * a`;
    exploitation computes with `W * M` and multiplies updates by a over its mean, at most 2. For nodes |w| is the node's
    norm, and its outgoing vector is what is masked.
    """

    Options: ClassVar[type[PruneOptions]] = MapOptions
    audit_file: ClassVar[str] = "attention.jsonl"
    options: MapOptions

    def __init__(self, options: MapOptions, layers: Sequence[NodeLayer]) -> None:
        super().__init__(options, layers)
        self.by_node = options.granularity == "node"
        self.weights = [x.outgoing.weight for x in layers] if self.by_node else weights_of(layers, options.output_layer)
        sizes = [layer.size for layer in layers]
        self.asked = options.masked if self.target is None else 1 - self.target / sum(sizes)
        self.done, self.fade = 0, 1.0
        self.masks: list[Tensor] = []
        self.attention: list[Tensor] = []
        self.forward: list[Tensor] = []
        self.backward: list[Tensor] = []
        self.lines: list[dict[str, Any]] = []

    @property
    def exploring(self) -> bool:
        return self.done < self.switch_at

    @property
    def penalises(self) -> bool:
        return self.exploring

    def plan_of(self, steps: int) -> Plan:
        return Plan(steps, 0, steps)

    def start(self, optimiser: optim.Optimizer, plan: Plan) -> None:
        super().start(optimiser, plan)
        self.switch_at = max(1, round(self.options.switch * plan.steps))
        self.effective = [torch.empty_like(w) for w in self.weights]
        self.before = [torch.empty_like(w) for w in self.weights]

    def phase(self, step: int) -> str:
        return "exploration" if step < self.switch_at else "exploitation"

    def sparsity(self, done: int) -> float:
        """Share that is masked after `done` updates: cubic up to the switch (Zhu and Gupta 2017)."""
        return self.asked * (1 - (1 - min(1.0, done / self.switch_at)) ** 3)

    @contextmanager
    def acting(self, training: bool) -> Iterator[None]:
        if not (self.exploring and self.forward):
            yield
            return
        own = [w.data for w in self.weights]
        for weight, factor, effective in zip(self.weights, self.forward, self.effective, strict=True):
            weight.data = torch.mul(weight.data, factor, out=effective)
        try:
            yield
        finally:
            for weight, data in zip(self.weights, own, strict=True):
                weight.data = data

    @torch.no_grad()
    def after_backward(self) -> None:
        for before, weight in zip(self.before, self.weights, strict=True) if self.backward else ():
            before.copy_(weight)

    @torch.no_grad()
    def after_step(self, step: int) -> None:
        for before, weight, factor in zip(self.before, self.weights, self.backward, strict=False):
            torch.lerp(before, weight, factor, out=weight)
        self.done = step
        if self.asked and (step % self.options.every == 0 or step == self.switch_at):
            self._refresh()

    def _refresh(self) -> None:
        magnitudes = self._magnitudes()
        scale = max(float(m.max()) for m in magnitudes) if self.options.scale == "global" else None
        self.attention = [attention(m, self.options.beta, scale) for m in magnitudes]
        self.fade = max(0.0, 1 - self.done / self.switch_at)
        before = self.masks
        if self.done <= self.switch_at:
            self.masks = self._masks(magnitudes)
        self._set_factors()
        if self.done == self.switch_at:
            for weight, mask in zip(self.weights, self.masks, strict=True):
                weight.mul_(mask)
        self._note(before)

    def _set_factors(self) -> None:
        if self.exploring:
            # a is at most 1, so that the larger of M and a is M + (1 - M) a
            alive = [m.to(a.dtype) for m, a in zip(self.masks, self.attention, strict=True)]
            self.forward = [torch.maximum(self.fade * a, m) for m, a in zip(alive, self.attention, strict=True)]
            self.backward = [torch.maximum(a, m) for m, a in zip(alive, self.attention, strict=True)]
        else:
            self.forward = []
            self.backward = [exploited(a, m) for m, a in zip(self.masks, self.attention, strict=True)]

    def _magnitudes(self) -> list[Tensor]:
        """|w| in the shapes of the weights, or the nodes' norms over their layer's mean, [1, nodes]."""
        if not self.by_node:
            return [w.detach().abs() for w in self.weights]
        return [n[None, :] / n.mean().clamp_min(1e-30) for n in node_norms(self.layers)]

    def _masks(self, magnitudes: list[Tensor]) -> list[Tensor]:
        kept = 1 - self.sparsity(self.done)
        if self.options.threshold == "layer":
            least = self.minima if self.by_node else [0] * len(magnitudes)
            counts = [max(round(kept * m.numel()), few) for m, few in zip(magnitudes, least, strict=True)]
            return [largest([m], count)[0] for m, count in zip(magnitudes, counts, strict=True)]
        count = round(kept * sum(m.numel() for m in magnitudes))
        if not self.by_node:
            return largest(magnitudes, count)
        return [mask[None, :] for mask in strongest([m[0] for m in magnitudes], count, self.minima)]

    def _note(self, before: list[Tensor]) -> None:
        sizes, kept = [m.numel() for m in self.masks], [int(m.count_nonzero()) for m in self.masks]
        had = [int(m.count_nonzero()) for m in before] or sizes
        regrown = [int((m & ~o).count_nonzero()) for m, o in zip(self.masks, before or self.masks, strict=True)]
        self.lines.append(
            {
                "update": self.done,
                "phase": self.phase(self.done),
                "sparsity_asked": round(self.sparsity(self.done), 6),
                "sparsity_reached": round(1 - sum(kept) / sum(sizes), 6),
                "kept": kept,
                "regrown": regrown,
                "dropped": [h - k + r for h, k, r in zip(had, kept, regrown, strict=True)],
                "mean_attention": [round(float(a.mean()), 6) for a in self.attention],
            }
        )

    def audit(self) -> list[dict[str, Any]]:
        lines, self.lines = self.lines, []
        return lines

    def shares(self) -> list[float] | None:
        """Dropout follows the nodes that are masked, once they are."""
        return [float(m.float().mean()) for m in self.masks] if self.by_node and self.masks else None

    @torch.no_grad()
    def scores(self) -> list[Tensor]:
        """Outgoing norms of the nodes in the weights that the network computes with."""
        with self.acting(training=False):
            return [layer.norms("outgoing") for layer in self.layers]

    def finish(self) -> list[Tensor]:
        """Nothing is left to cut: what is masked is zero already."""
        return self.alive()

    def state_dict(self) -> dict[str, Any]:
        return {"done": self.done, "fade": self.fade, "masks": self.masks, "attention": self.attention}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.done, self.fade = state["done"], state["fade"]
        self.masks, self.attention = state["masks"], state["attention"]
        self._set_factors()


def attention(magnitudes: Tensor, beta: float, scale: float | None) -> Tensor:
    """`(|w| / s)^beta`, s being `scale` or the largest; of the same shape, 0 to 1."""
    relative = magnitudes / (float(magnitudes.max()) if scale is None else scale)
    return relative.nan_to_num_(0.0) if beta == 1 else relative.nan_to_num_(0.0).pow_(beta)


def exploited(attention: Tensor, mask: Tensor) -> Tensor:
    """Factors on updates in the exploitation: attention over its mean among survivors, at most CAP; 0 outside."""
    mean = attention[mask].mean() if bool(mask.any()) else attention.new_ones(())
    return (attention / mean.clamp_min(1e-30)).clamp_(max=CAP).masked_fill_(~mask, 0)
