"""Group lasso whose groups weigh unlike, and whose survivors are foreseen by the loss."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from asr_prune.pruning.methods.group_lasso.options import GroupLassoOptions
from asr_prune.pruning.nodes import Nodes
from asr_prune.pruning.proximal import ProximalPenalty
from asr_prune.pruning.saliency import LossKind, LossScore
from asr_prune.pruning.scores import PenalisedScore, over_mean

#: the largest weight of a group, in units of a group of mean worth
_HEAVIEST = 10.0


class WeightedPenalty(ProximalPenalty):
    """`lambda * sum_l sum_j w_lj ||v_lj||`, w = worth^-gamma over its mean.

    worth: the norm over the mean norm of its layer (adaptive group lasso: Wang and Leng 2008), or
    what the node is worth to the loss (taylor, fisher: see pruning/saliency.py), over the mean of
    all nodes. It is that of the end of the warm-up (of the loss: over the first `window` updates
    of the sparsify phase), or with `reweight` that of the last correction of lambda (after Candes,
    Wakin and Boyd 2008). With `rank`, the nodes that will be kept are foreseen by the loss too.

    scales: the factor on the penalty of each layer's groups.
    """

    def __init__(self, options: GroupLassoOptions, nodes: Nodes, score: PenalisedScore) -> None:
        super().__init__(options, nodes, score)
        self.asked = options
        kinds: list[LossKind] = ["taylor", "fisher"]
        self.losses: dict[str, LossScore] = {
            kind: LossScore(nodes, kind, options.window) for kind in kinds if kind in (options.rank, options.weights)
        }
        self.scales = group_scales(options, nodes)
        self.pulls = [pull * scale for pull, scale in zip(self.pulls, self.scales, strict=True)]
        self.settled = options.weights == "equal"

    def after_backward(self) -> None:
        for loss in self.losses.values():
            loss.after_backward()

    def prospects(self) -> list[Tensor]:
        if self.asked.rank == "norm":
            return super().prospects()
        return self.nodes.strongest(self.losses[self.asked.rank].scores())

    def after_step(self, step: int) -> None:
        if not self.settled and self.corrects(step):
            self._weigh()
        super().after_step(step)

    def _weigh(self) -> None:
        loss = self.losses.get(self.asked.weights)
        worth = self._norms() if loss is None else loss.scores()
        weights = weights_of(worth, self.asked.gamma)
        self.pulls = [scale * weight for scale, weight in zip(self.scales, weights, strict=True)]
        self.settled = not self.asked.reweight and (loss is None or loss.seen >= loss.window)

    def _norms(self) -> list[Tensor]:
        """Over the mean norms of the layers when the sparsify phase began."""
        return self.score.ranking() if self.held else [over_mean(norms) for norms in self.score.scores()]

    def narrow(self, kept: Sequence[Tensor]) -> None:
        super().narrow(kept)
        for loss in self.losses.values():
            loss.narrow(kept)

    def state_dict(self) -> dict[str, Any]:
        losses = {kind: loss.state_dict() for kind, loss in self.losses.items()}
        return super().state_dict() | {"pulls": self.pulls, "settled": self.settled, "losses": losses}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        super().load_state_dict(state)
        self.pulls, self.settled = state["pulls"], state["settled"]
        for kind, loss in self.losses.items():
            loss.load_state_dict(state["losses"][kind])


def weights_of(worth: Sequence[Tensor], gamma: float) -> list[Tensor]:
    """Weights of groups, [nodes] a layer: `(worth / mean)^-gamma`, at most 10, over their mean, so
    that they are 1 on average over all nodes.

    worth: 0 or more, float [nodes] a layer.
    """
    mean = float(torch.cat([w.double() for w in worth]).mean())
    raw = [(w / max(mean, 1e-30)).clamp_min(1e-30).pow(-gamma).clamp_max(_HEAVIEST) for w in worth]
    level = float(torch.cat([w.double() for w in raw]).mean())
    return [w / level for w in raw]


def group_scales(options: GroupLassoOptions, nodes: Nodes) -> list[float]:
    """The factor on the penalty of each layer's groups, the square root of their lengths or 1."""
    sides = ["outgoing", "incoming"] if options.vectors == "both" else [options.vectors]
    pairs = zip(*(nodes.vectors(side) for side in sides), strict=True)
    sizes = (max(1, layer.size) for layer in nodes.layers)
    lengths = [sum(w.numel() for w in weights) / size for weights, size in zip(pairs, sizes, strict=True)]
    return [length**0.5 if options.group_scale == "sqrt_size" else 1.0 for length in lengths]
