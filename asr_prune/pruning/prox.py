"""Proximal maps of the group lasso: how far a group's vector shrinks in one update."""

from __future__ import annotations

import torch
from torch import Tensor, optim

SPARED = 0.9


def shrink_euclidean(weight: Tensor, threshold: Tensor, dim: int, protected: Tensor) -> Tensor:
    """Block soft thresholding, `v <- v * max(0, 1 - threshold / ||v||)`, in place for every group of `weight` (Yuan and
    Lin 2006).

    weight: float [rows, columns]; groups are its columns (dim 0) or rows (dim 1); protected: boolean [groups], groups
    that one step takes at most nine tenths of, so that they do not die. Returns the new norms, [groups].
    """
    norms = weight.norm(dim=dim)
    taken = (threshold / norms.clamp_min(1e-30)).clamp_max(1)
    factor = 1 - torch.where(protected, taken.clamp_max(SPARED), taken)
    weight.mul_(factor.unsqueeze(dim))
    return norms * factor


def shrink_diagonal(
    weight: Tensor, metric: Tensor, strength: Tensor, dim: int, start: Tensor, rounds: int, protected: Tensor
) -> Tensor:
    """The prox of `strength * ||u||` in a diagonal metric: `argmin_u 1/2 sum_i d_i (u_i - v_i)^2 + strength * ||u||`,
    in place for every group.

    Where ||d v|| <= strength the group is 0. Elsewhere u_i = d_i r v_i / (d_i r + strength), r = ||u|| being the root
    of `||d v / (d r + strength)|| = 1`, which Newton's method on 1/||.|| - 1 finds from `start`. weight, metric d:
    float [rows, columns]; start: a guess of r, [groups]; rounds: Newton rounds; protected: as in `shrink_euclidean`, by
    a smaller strength. Returns r, [groups].
    """
    pulled = metric * weight
    force = pulled.norm(dim=dim)
    pull = torch.where(protected, torch.minimum(SPARED * force, strength), strength).unsqueeze(dim)
    dead = force <= pull.squeeze(dim)
    root = start.clamp_min(1e-12)
    for _ in range(rounds):
        shifted = torch.addcmul(pull, metric, root.unsqueeze(dim))
        ratio = pulled / shifted
        size = ratio.norm(dim=dim)
        slope = (ratio.square_().mul_(metric).div_(shifted)).sum(dim)
        root = torch.where(slope > 0, root + size.square() * (size - 1) / slope.clamp_min(1e-30), root).clamp_min(1e-12)
    scaled = metric * root.unsqueeze(dim)
    weight.mul_(scaled.div_(scaled + pull))
    weight.masked_fill_(dead.unsqueeze(dim), 0)
    return root.masked_fill(dead, 0)


def adam_metric(optimiser: optim.Optimizer, parameter: Tensor) -> Tensor | None:
    """The diagonal metric of Adam's last update of `parameter`, `(sqrt(v_hat) + eps) / eta`, of its shape; None where
    the optimiser is not of Adam's family or has not moved it yet.
    """
    state = optimiser.state.get(parameter)
    if not state or "exp_avg_sq" not in state:
        return None
    group = next(g for g in optimiser.param_groups if any(p is parameter for p in g["params"]))
    correction = 1 - group["betas"][1] ** float(state["step"])
    return (state["exp_avg_sq"] / correction).sqrt_().add_(group["eps"]).div_(group["lr"])


def sgd_threshold(optimiser: optim.Optimizer, parameter: Tensor) -> float:
    """What one unit of penalty takes off a group's norm in one update of SGD: eta, and with momentum m the eta / (1 -
    m) that keeps the minimiser where it is.
    """
    group = next(g for g in optimiser.param_groups if any(p is parameter for p in g["params"]))
    return float(group["lr"] / (1 - group.get("momentum", 0.0)))
