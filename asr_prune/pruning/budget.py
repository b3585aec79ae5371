"""Which nodes a number of survivors means, over layers of different importance."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def target_of(sizes: Sequence[int], keep: float | None, minimum: int) -> int | None:
    """How many hidden nodes `keep` asks for, at least `minimum` (or the whole layer) a layer; None where nothing was
    asked.
    """
    if keep is None:
        return None
    return max(round(keep * sum(sizes)), sum(min(minimum, size) for size in sizes))


def strongest(scores: Sequence[Tensor], count: int, minimum: int) -> list[Tensor]:
    """The `count` nodes of highest score over all layers, with at least `minimum` of each layer among them.

    scores: one float tensor [nodes] a layer. Returns boolean masks of the same shapes with exactly `count` True
    together (more only where the minima ask for more). Ties go to the lower layer and index.
    """
    keep = [torch.zeros(len(s), dtype=torch.bool, device=s.device) for s in scores]
    for mask, score in zip(keep, scores, strict=True):
        mask[score.argsort(descending=True, stable=True)[:minimum]] = True
    room = count - sum(int(mask.sum()) for mask in keep)
    if room <= 0:
        return keep
    pool = torch.cat([score.masked_fill(mask, -torch.inf) for score, mask in zip(scores, keep, strict=True)])
    chosen = torch.zeros_like(pool, dtype=torch.bool)
    chosen[pool.argsort(descending=True, stable=True)[:room]] = True
    return [mask | more for mask, more in zip(keep, chosen.split([len(s) for s in scores]), strict=True)]
