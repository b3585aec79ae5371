"""The first nodes of each layer: cuts that keep a prefix, and how prefix-like a choice of nodes is."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def first(sizes: Sequence[int], counts: Sequence[int], device: torch.device | None = None) -> list[Tensor]:
    """Masks of the first `counts` nodes of layers of `sizes` nodes; boolean [nodes] a layer."""
    return [torch.arange(size, device=device) < count for size, count in zip(sizes, counts, strict=True)]


def even_counts(sizes: Sequence[int], target: int, minima: Sequence[int]) -> list[int]:
    """`target` nodes shared out over layers in proportion to their sizes, with at least `minima` in each.

    What rounding leaves over goes to the layers that are furthest below their share, the earlier first. The counts add
    up to `target`, or to the minima where those are more.
    """
    counts = [
        max(minimum, int(target * size / max(1, sum(sizes)))) for size, minimum in zip(sizes, minima, strict=True)
    ]
    while sum(counts) < min(target, sum(sizes)):
        owed = [
            target * size / sum(sizes) - count if count < size else -size
            for size, count in zip(sizes, counts, strict=True)
        ]
        counts[owed.index(max(owed))] += 1
    while sum(counts) > max(target, sum(minima)):
        spare = [count - minimum for count, minimum in zip(counts, minima, strict=True)]
        counts[spare.index(max(spare))] -= 1
    return counts


def reach(alive: Sequence[Tensor]) -> list[int]:
    """For each layer the length of the shortest prefix that has all of its nodes that are alive."""
    return [int(mask.nonzero().max()) + 1 if bool(mask.any()) else 0 for mask in alive]


def prefix_share(kept: Sequence[Tensor]) -> float:
    """Share of the survivors that lie in the prefix of their number: of n survivors of a layer, those below index n.

    1 where every layer keeps its first nodes. kept: boolean [nodes] a layer.
    """
    inside = sum(int(mask[: int(mask.sum())].sum()) for mask in kept)
    return inside / max(1, sum(int(mask.sum()) for mask in kept))


def share_by_chance(kept: Sequence[Tensor]) -> float:
    """What `prefix_share` would be on average if each layer's survivors were drawn at random: sum n^2/N over sum n."""
    counts = [(int(mask.sum()), len(mask)) for mask in kept]
    return sum(n * n / size for n, size in counts if size) / max(1, sum(n for n, _ in counts))
