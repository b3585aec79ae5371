"""Magnitude attention based dynamic pruning (Back, Ahn and Kim 2023, arXiv 2306.05056).

Our reading of the paper's abstract: importance is continuous, weights are masked gradually and may
come back (exploration); then the resulting network is trained with a fixed mask (exploitation).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, optim

from asr_prune.acoustic.node_layer import NodeLayer
from asr_prune.pruning.method import Method
from asr_prune.pruning.methods.map.options import MapOptions
from asr_prune.pruning.methods.map.schedule import MapSchedule
from asr_prune.pruning.nodes import Nodes, largest
from asr_prune.pruning.parts import ActingWeights
from asr_prune.pruning.reading import read
from asr_prune.pruning.schedule import Phases
from asr_prune.pruning.scores import NormScore, node_norms

#: the largest factor on an update in the exploitation phase
_CAP = 2.0


class Map(Method):
    """With attention `a = (|w| / s)^beta`, mask M and t/T from 0 to 1 up to the switch:

    exploration computes with `W * (M + (1 - M) * a * (1 - t/T))` and multiplies updates of W by `M
    + (1 - M) * a`; exploitation computes with `W * M` and multiplies updates by a over its mean, at
    most 2. For nodes |w| is the node's norm, and its outgoing vector is masked.
    """

    def __init__(self, options: MapOptions, layers: Sequence[NodeLayer]) -> None:
        super().__init__(options, layers)
        target = self.nodes.target
        asked = options.masked if target is None else 1 - target / self.nodes.request.dense
        self.schedule: MapSchedule = MapSchedule(options.plan.start, options.plan.switch, asked)
        self.weights: AttendedWeights = AttendedWeights(options, self.nodes, self.schedule)
        self.score = ActingNorms(self.nodes, self.weights)

    def finish(self) -> list[Tensor]:
        """Nothing is left to cut: what is masked is already zero."""
        return self.score.alive()

    def audit(self) -> list[dict[str, Any]]:
        lines, self.weights.lines = self.weights.lines, []
        return lines


class ActingNorms(NormScore):
    """Outgoing norms in the weights that the network computes with."""

    def __init__(self, nodes: Nodes, weights: AttendedWeights) -> None:
        super().__init__(nodes)
        self.weights = weights

    @torch.no_grad()
    def scores(self) -> list[Tensor]:
        with self.weights.acting(training=False):
            return super().scores()


class AttendedWeights(ActingWeights):
    """Masks M and attention a, refreshed every few updates.

    done: updates; forward, backward: factors on the weights that act, and on updates; before:
    weights before an update.
    """

    def __init__(self, options: MapOptions, nodes: Nodes, schedule: MapSchedule) -> None:
        self.options, self.nodes, self.schedule = options, nodes, schedule
        self.by_node = options.granularity == "node"
        self.done, self.fade = 0, 1.0
        self.masks: list[Tensor] = []
        self.attention: list[Tensor] = []
        self.forward: list[Tensor] = []
        self.backward: list[Tensor] = []
        self.lines: list[dict[str, Any]] = []
        self.acting_shares: list[float] | None = None

    @property
    def maskable(self) -> list[Tensor]:
        """The weight matrices that are masked."""
        return self.nodes.vectors("outgoing") if self.by_node else self.nodes.weights(self.options.output_layer)

    @property
    def exploring(self) -> bool:
        return self.done < self.schedule.switch_at

    @property
    def raises_dev(self) -> bool:
        return self.exploring

    def start(self, optimiser: optim.Optimizer, phases: Phases) -> None:
        super().start(optimiser, phases)
        self.effective = [torch.empty_like(w) for w in self.maskable]
        self.before = [torch.empty_like(w) for w in self.maskable]

    @contextmanager
    def acting(self, training: bool) -> Iterator[None]:
        if not (self.exploring and self.forward):
            yield
            return
        weights = self.maskable
        trained = [w.data for w in weights]
        for weight, factor, effective in zip(weights, self.forward, self.effective, strict=True):
            weight.data = torch.mul(weight.data, factor, out=effective)
        try:
            yield
        finally:
            for weight, data in zip(weights, trained, strict=True):
                weight.data = data

    @torch.no_grad()
    def after_backward(self) -> None:
        for before, weight in zip(self.before, self.maskable, strict=True) if self.backward else ():
            before.copy_(weight)

    @torch.no_grad()
    def after_step(self, step: int) -> None:
        for before, weight, factor in zip(self.before, self.maskable, self.backward, strict=False):
            torch.lerp(before, weight, factor, out=weight)
        self.done = step
        due = step % self.options.every == 0 and step >= self.schedule.first
        if self.schedule.asked and (due or step == self.schedule.switch_at):
            self._refresh()

    def _refresh(self) -> None:
        magnitudes = self._magnitudes()
        scale = max(read(m.max() for m in magnitudes)) if self.options.scale == "global" else None
        self.attention = [attention(m, self.options.plan.beta, scale) for m in magnitudes]
        self.fade = 1 - self.schedule.progress(self.done)
        before = self.masks
        if self.done <= self.schedule.switch_at:
            self.masks = self._masks(magnitudes)
        self.acting_shares = None
        self._set_factors()
        if self.done == self.schedule.switch_at:
            for weight, mask in zip(self.maskable, self.masks, strict=True):
                weight.mul_(mask)
        self._note(before)

    def _set_factors(self) -> None:
        if self.exploring:
            # a is at most 1, so that the larger of M and a is M + (1 - M) a
            alive = [m.to(a.dtype) for m, a in zip(self.masks, self.attention, strict=True)]
            pairs = zip(alive, self.attention, strict=True)
            self.forward = [torch.maximum(self.fade * a, m) for m, a in pairs]
            both = zip(alive, self.attention, strict=True)
            self.backward = [torch.maximum(a, m) for m, a in both]
        else:
            self.forward = []
            plain = self.options.plan.exploitation == "plain"
            pairs = zip(self.attention, self.masks, strict=True)
            self.backward = [m.to(a.dtype) if plain else exploited(a, m) for a, m in pairs]

    def _magnitudes(self) -> list[Tensor]:
        """|w| in the shapes of the weights, or the nodes' norms over their layer's mean, [1,
        nodes].
        """
        if not self.by_node:
            return [w.detach().abs() for w in self.maskable]
        return [n[None, :] / n.mean().clamp_min(1e-30) for n in node_norms(self.nodes.layers)]

    def _masks(self, magnitudes: list[Tensor]) -> list[Tensor]:
        kept = 1 - self.schedule.sparsity(self.done)
        if self.options.threshold == "layer":
            counts = self._counts(kept, [m.numel() for m in magnitudes])
            return [largest([m], count)[0] for m, count in zip(magnitudes, counts, strict=True)]
        count = round(kept * sum(m.numel() for m in magnitudes))
        if not self.by_node:
            return largest(magnitudes, count)
        limit = count if self.options.budget is None else kept * self.nodes.request.dense
        return [mask[None, :] for mask in self.nodes.strongest([m[0] for m in magnitudes], limit)]

    def _counts(self, kept: float, sizes: list[int]) -> list[int]:
        """How much each layer, of `sizes`, keeps with threshold layer."""
        if not self.by_node:
            return [round(kept * size) for size in sizes]
        request = self.nodes.request
        return request.even(kept * request.dense, self.nodes.minima)

    def _note(self, before: list[Tensor]) -> None:
        sizes, kept = [m.numel() for m in self.masks], read(m.count_nonzero() for m in self.masks)
        had = read(m.count_nonzero() for m in before) or sizes
        regrown = read((m & ~o).count_nonzero() for m, o in zip(self.masks, before or self.masks, strict=True))
        self.lines.append(
            {
                "update": self.done,
                "phase": self.schedule.phase(self.done),
                "sparsity_asked": round(self.schedule.sparsity(self.done), 6),
                "sparsity_reached": round(1 - sum(kept) / sum(sizes), 6),
                "kept": kept,
                "regrown": regrown,
                "dropped": [h - k + r for h, k, r in zip(had, kept, regrown, strict=True)],
                "mean_attention": [round(mean, 6) for mean in read(a.mean() for a in self.attention)],
            }
        )

    def shares(self) -> list[float] | None:
        """Dropout follows the nodes that are not masked."""
        if self.acting_shares is None and self.by_node and self.masks:
            self.acting_shares = read(m.float().mean() for m in self.masks)
        return self.acting_shares

    def state_dict(self) -> dict[str, Any]:
        return {
            "done": self.done,
            "fade": self.fade,
            "masks": self.masks,
            "attention": self.attention,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.done, self.fade = state["done"], state["fade"]
        self.masks, self.attention, self.acting_shares = state["masks"], state["attention"], None
        self._set_factors()


def attention(magnitudes: Tensor, beta: float, scale: float | None) -> Tensor:
    """`(|w| / s)^beta`, s being `scale` or the largest; of the same shape, 0 to 1."""
    relative = magnitudes / (float(magnitudes.max()) if scale is None else scale)
    return relative.nan_to_num_(0.0) if beta == 1 else relative.nan_to_num_(0.0).pow_(beta)


def exploited(attention: Tensor, mask: Tensor) -> Tensor:
    """Factors on updates in the exploitation phase: attention over its mean where `mask` is True,
    at most 2; else 0.
    """
    mean = attention[mask].mean() if bool(mask.any()) else attention.new_ones(())
    return (attention / mean.clamp_min(1e-30)).clamp_(max=_CAP).masked_fill_(~mask, 0)
