"""Maps of node vectors in place: proximal steps of penalties in the optimiser's metric, and
rescaling.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, optim

from asr_prune.acoustic.node_layer import NodeLayer, over_rows, unchanged
from asr_prune.pruning.batches import LayerBatch, as_groups

#: the largest fraction that one step takes of a protected vector
_SPARED = 0.9
#: stands for a learning rate of 0
_LEAST_RATE = 1e-12
#: the largest factor by which one call of `hold_down` rescales a node
_LARGEST_FACTOR = 2.0


def shrink_euclidean(weight: Tensor, threshold: Tensor, dim: int, protected: Tensor) -> Tensor:
    """Block soft thresholding, `v <- v * max(0, 1 - threshold / ||v||)`, in place for every group
    of `weight` (Yuan and Lin 2006).

    weight: float [rows, columns] or [rows, taps, columns]; groups are as in `as_groups`; protected:
    boolean [groups], groups of which one step takes at most nine tenths, so that they do not die.
    Returns the new norms, [groups].
    """
    weight = as_groups(weight, dim)
    norms = weight.square().sum(dim).sqrt()
    taken = (threshold / norms.clamp_min(1e-30)).clamp_max(1)
    factor = 1 - torch.where(protected, taken.clamp_max(_SPARED), taken)
    weight.mul_(factor.unsqueeze(dim))
    return norms * factor


def shrink_diagonal(
    weight: Tensor,
    metric: Tensor,
    strength: Tensor,
    dim: int,
    start: Tensor,
    protected: Tensor,
    scratch: Sequence[Tensor],
    rounds: int = 1,
) -> Tensor:
    """The prox of `strength * ||u||` in a diagonal metric, in place for every group.

    It is `argmin_u 1/2 sum_i d_i (u_i - v_i)^2 + strength * ||u||`. If ||d v|| <= strength the
    group becomes 0. Otherwise u_i = d_i r v_i / (d_i r + strength), where r = ||u|| is the root of
    `||d v / (d r + strength)|| = 1`; Newton's method on 1/||.|| - 1 finds it from `start`. One
    round from the root of the previous step is enough: as training settles, so do the roots.

    weight, metric d: of one shape, as in `shrink_euclidean`; strength: one per group; start: a
    guess of r, [groups]; protected: as in `shrink_euclidean`, by a smaller strength; scratch: two
    tensors like weight, which are overwritten;
    rounds: of Newton. Returns r, [groups].
    """
    weight, metric, ratio, shifted = (as_groups(values, dim) for values in (weight, metric, *scratch))
    force = torch.mul(metric, weight, out=ratio).square_().sum(dim).sqrt_()
    pull = torch.where(protected, torch.minimum(_SPARED * force, strength), strength)
    dead = force <= pull
    pull = pull.unsqueeze(dim)
    root = start.clamp_min(1e-12)
    for _ in range(rounds):
        torch.mul(metric, root.unsqueeze(dim), out=shifted).add_(pull)
        torch.mul(metric, weight, out=ratio).div_(shifted).square_()
        size = ratio.sum(dim).sqrt_()
        slope = ratio.mul_(metric).div_(shifted).sum(dim)
        root = torch.where(slope > 0, root + size.square() * (size - 1) / slope.clamp_min(1e-30), root)
        root.clamp_min_(1e-12)
    torch.mul(metric, root.unsqueeze(dim), out=ratio)
    torch.add(ratio, pull, out=shifted)
    weight.mul_(ratio.div_(shifted).masked_fill_(dead.unsqueeze(dim), 0))
    return root.masked_fill(dead, 0)


def soften(
    weight: Tensor,
    metric: Tensor,
    strength: Tensor,
    dim: int,
    protected: Tensor,
    scratch: Sequence[Tensor],
) -> Tensor:
    """Soft thresholding in a diagonal metric, in place for every group.

    It is `argmin_u 1/2 sum_i d_i (u_i - v_i)^2 + strength * sum_i |u_i|`: each |v_i| falls by
    strength / d_i and stops at 0. Arguments as in `shrink_diagonal`. A vector becomes 0 if its
    largest d_i |v_i| is at most the strength, so a protected one meets at most nine tenths of that.
    Returns the new sums of magnitudes, [groups].
    """
    weight, metric, force, left = (as_groups(values, dim) for values in (weight, metric, *scratch))
    torch.mul(metric, weight, out=force).abs_()
    pull = torch.where(protected, torch.minimum(_SPARED * force.amax(dim), strength), strength)
    torch.div(pull.unsqueeze(dim), force.clamp_min_(1e-30), out=left).clamp_max_(1).neg_().add_(1)
    return torch.abs(weight.mul_(left), out=force).sum(dim)


def decay(
    weight: Tensor,
    metric: Tensor,
    strength: Tensor,
    dim: int,
    scratch: Sequence[Tensor],
) -> Tensor:
    """Weight decay in a diagonal metric, in place for every group.

    It is `argmin_u 1/2 sum_i d_i (u_i - v_i)^2 + strength * sum_i u_i^2`.

    Each v_i is multiplied by d_i / (d_i + 2 strength), which is never 0. Arguments as in
    `shrink_diagonal`. Returns the new norms, [groups].
    """
    weight, metric, factor, shifted = (as_groups(values, dim) for values in (weight, metric, *scratch))
    torch.add(metric, 2 * strength.unsqueeze(dim), out=shifted)
    weight.mul_(torch.div(metric, shifted, out=factor))
    return torch.mul(weight, weight, out=factor).sum(dim).sqrt_()


def metric_of(optimiser: optim.Optimizer, parameter: Tensor, out: Tensor) -> Tensor:
    """The diagonal metric of the optimiser's last update of `parameter`, of its shape: Adam's, or
    for SGD one number.

    out: a tensor of that shape, to which Adam's is written.
    """
    metric = adam_metric(optimiser, parameter, out)
    return sgd_metric(optimiser, parameter, out) if metric is None else metric


def sgd_metric(optimiser: optim.Optimizer, parameter: Tensor, like: Tensor) -> Tensor:
    """The metric of SGD's updates of `parameter`, one number, in the shape of `like`."""
    return like.new_full((), 1 / max(sgd_threshold(optimiser, parameter), 1e-30)).expand_as(like)


def adam_metric(
    optimiser: optim.Optimizer,
    parameter: Tensor,
    out: Tensor | None = None,
) -> Tensor | None:
    """The diagonal metric of Adam's last update of `parameter`, `(sqrt(v_hat) + eps) / eta`, of its
    shape.

    out: a tensor to write it to. None if the optimiser is not of Adam's family or has not moved the
    parameter yet.
    """
    state = optimiser.state.get(parameter)
    if not state or "exp_avg_sq" not in state:
        return None
    metric = torch.sqrt(state["exp_avg_sq"], out=out)
    factor, least = _adam_factor(_group(optimiser, parameter), state["step"])
    return metric.mul_(factor.to(metric)).add_(least)


def batch_metric(optimiser: optim.Optimizer, own: Sequence[Tensor], batch: LayerBatch, out: Tensor) -> Tensor | None:
    """`adam_metric` of the weights of a batch's members, as its `matrix`; they have one learning
    rate. out: memory like that matrix, which is used or not.
    """
    if batch.alone:
        return adam_metric(optimiser, own[0], out)
    states = [optimiser.state.get(weight, {}) for weight in own]
    if not all("exp_avg_sq" in state for state in states):
        return None
    factor, least = _adam_factor(_group(optimiser, own[0]), torch.stack([state["step"] for state in states]))
    metric = batch.matrix([state["exp_avg_sq"] for state in states]).sqrt_()
    both = zip(factor.to(metric).unbind(), own, strict=True)
    of_row = torch.cat([value.expand(len(batch.rows(weight))) for value, weight in both])
    return metric.mul_(of_row.unsqueeze(1)).add_(least)


def _adam_factor(group: dict[str, Any], steps: Tensor) -> tuple[Tensor, float]:
    """What the roots of Adam's second moments are multiplied by, and what is added then."""
    # where it does not move, next to no step is taken
    rate = group["lr"] or _LEAST_RATE
    # on a GPU the count of updates is there, too, and to read it would wait for all that is queued
    correction = 1 - group["betas"][1] ** steps.double()
    return 1 / (correction.sqrt() * rate), group["eps"] / rate


def sgd_threshold(optimiser: optim.Optimizer, parameter: Tensor) -> float:
    """How much one unit of penalty reduces a group's norm in one update of SGD: eta, and with
    momentum m the eta / (1 - m) that keeps the minimiser in place.
    """
    group = _group(optimiser, parameter)
    return float(group["lr"] / (1 - group.get("momentum", 0.0)))


def moves(optimiser: optim.Optimizer, parameter: Tensor) -> bool:
    """Whether the learning rate of `parameter` is above 0."""
    return bool(_group(optimiser, parameter)["lr"])


def _group(optimiser: optim.Optimizer, parameter: Tensor) -> dict[str, Any]:
    return next(g for g in optimiser.param_groups if any(p is parameter for p in g["params"]))


@torch.no_grad()
def hold_down(layers: Sequence[NodeLayer], side: str, norms: Sequence[Tensor]) -> None:
    """Rescales ReLU and linear nodes in place whose vector of `side` (incoming or outgoing) has
    outgrown `norms`.

    relu(c x) = c relu(x) for c > 0: one vector (the incoming one with the bias) is multiplied by c,
    the other divided by it, and the function of the network stays. So a penalty on one vector of a
    node cannot be escaped by growing the other. Vectors are never scaled up: when the penalty
    shrinks the columns of one layer, the rows of the next shrink with them, and scaling those up
    would undo it. norms: float [nodes] a layer. One call changes a node by at most a factor of 2;
    layers with another activation stay as they are.
    """
    for layer, allowed in zip(layers, norms, strict=True):
        if layer.activation not in (torch.relu, unchanged):
            continue
        excess = (layer.norms(side) / allowed.clamp_min(1e-30)).clamp(1, _LARGEST_FACTOR)
        factor = 1 / excess if side == "incoming" else excess
        layer.incoming.weight.mul_(over_rows(factor, layer.incoming.weight))
        layer.incoming.bias.mul_(factor)
        layer.outgoing.weight.div_(factor)
