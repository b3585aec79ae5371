"""Which nodes a number of survivors means, over layers of different importance."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def minima_of(sizes: Sequence[int], keep: float | None, minimum: int, floor: float) -> list[int]:
    """The fewest nodes that each layer may have: `minimum`, or `floor` of what `keep` of the layer is, or the layer."""
    return [min(size, max(minimum, round(floor * (keep or 0.0) * size))) for size in sizes]


def target_of(sizes: Sequence[int], keep: float | None, minima: Sequence[int]) -> int | None:
    """How many hidden nodes `keep` asks for, at least the minima together; None where nothing was asked."""
    return None if keep is None else max(round(keep * sum(sizes)), sum(minima))


def strongest(scores: Sequence[Tensor], count: int, minima: Sequence[int]) -> list[Tensor]:
    """The `count` nodes of highest score over all layers, with at least `minima` of each layer among them.

    scores: one float tensor [nodes] a layer. Returns boolean masks of the same shapes with exactly `count` True
    together (more only where the minima ask for more). Ties go to the lower layer and index.
    """
    keep = [torch.zeros(len(s), dtype=torch.bool, device=s.device) for s in scores]
    for mask, score, minimum in zip(keep, scores, minima, strict=True):
        mask[score.argsort(descending=True, stable=True)[:minimum]] = True
    room = count - sum(int(mask.sum()) for mask in keep)
    if room <= 0:
        return keep
    pool = torch.cat([score.masked_fill(mask, -torch.inf) for score, mask in zip(scores, keep, strict=True)])
    chosen = torch.zeros_like(pool, dtype=torch.bool)
    chosen[pool.argsort(descending=True, stable=True)[:room]] = True
    return [mask | more for mask, more in zip(keep, chosen.split([len(s) for s in scores]), strict=True)]
