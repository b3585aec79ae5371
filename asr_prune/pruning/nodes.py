"""The nodes of a network that may be removed, and choices among them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from asr_prune.acoustic.node_layer import NodeLayer
from asr_prune.pruning.costs import spent_by
from asr_prune.pruning.options import PruneOptions
from asr_prune.pruning.requests import CostRequest, NodeRequest


class Nodes:
    """The nodes of `layers`, some of which may be removed for good while the network is trained.

    sizes: nodes of each layer in the dense network; index: which of these remain, int64 [nodes] a
    layer; request: what is asked to remain; minima: the fewest nodes of each layer; target: how
    much must remain at the end, in nodes with `keep`, in the unit of the budget with `budget`, else
    None.
    """

    def __init__(self, layers: Sequence[NodeLayer], options: PruneOptions) -> None:
        self.layers = list(layers)
        self.sizes = [layer.size for layer in layers]
        self.index = [torch.arange(layer.size, device=layer.incoming.weight.device) for layer in layers]
        self.request = request_of(self.layers, options)
        self.set_minima(self.request.minima())

    def set_minima(self, minima: Sequence[int]) -> None:
        """Each layer keeps at least `minima` nodes."""
        self.minima, self.target = list(minima), self.request.target(minima)

    @property
    def share(self) -> float:
        """The fraction of the nodes of each layer that remain at the end if all layers keep alike;
        1 if nothing was asked.
        """
        return 1.0 if self.target is None else self.request.share(self.target)

    def even(self) -> list[int]:
        """Nodes of each layer at the target, as even as the minima allow."""
        return self.request.even(self.target or 0, self.minima)

    @property
    def total(self) -> int:
        """Nodes of the dense network."""
        return sum(self.sizes)

    def weights(self, output: bool = True) -> list[Tensor]:
        """Every weight matrix into and out of the layers once, in order, but gates; the output
        layer's only if `output`.
        """
        return list({id(weight): weight for x in self.layers for weight in x.weights(output)}.values())

    def vectors(self, side: str) -> list[Tensor]:
        """The weight matrices of the nodes' `outgoing` or `incoming` vectors, one a layer."""
        return [getattr(layer, side).weight for layer in self.layers]

    def dense(self, values: Sequence[Tensor]) -> list[Tensor]:
        """`values`, [remaining nodes] a layer, at their places in the dense network, 0 elsewhere;
        [nodes] a layer.
        """
        spread = (value.new_zeros(size) for value, size in zip(values, self.sizes, strict=True))
        return [s.index_copy_(0, i, v) for s, i, v in zip(spread, self.index, values, strict=True)]

    def every_node(self) -> list[Tensor]:
        """Masks that are True everywhere, boolean [remaining nodes] a layer."""
        return [torch.ones(layer.size, dtype=torch.bool, device=layer.incoming.weight.device) for layer in self.layers]

    def strongest(
        self, scores: Sequence[Tensor], limit: float | None = None, minima: Sequence[int] | None = None
    ) -> list[Tensor]:
        """The nodes of highest score that reach the target, without a target the minima; boolean
        [nodes] a layer. limit, minima: other ones, in the unit of the target.
        """
        limit = self.target or 0 if limit is None else limit
        minima = self.minima if minima is None else minima
        if isinstance(self.request, CostRequest):
            living = (layer.norms("product") > 0 for layer in self.layers)
            present = [s.masked_fill(~mask, -torch.inf) for s, mask in zip(scores, living, strict=True)]
            return affordable(present, limit, minima, self.request)
        return strongest(scores, round(limit), minima)

    def minimal(self, scores: Sequence[Tensor]) -> list[Tensor]:
        """The nodes of highest score that the minima require; boolean [nodes] a layer."""
        return strongest(scores, 0, self.minima)

    def narrow(self, kept: Sequence[Tensor]) -> None:
        """Only the nodes in `kept` remain, boolean [nodes] a layer."""
        self.index = narrowed(self.index, kept)


def request_of(layers: Sequence[NodeLayer], options: PruneOptions) -> NodeRequest:
    """What `options` ask of the network that has these layers."""
    sizes = [layer.size for layer in layers]
    if options.budget is None:
        return NodeRequest(sizes, options)
    return CostRequest(sizes, options, spent_by(options.budget, layers))


def narrowed(values: Sequence[Tensor], kept: Sequence[Tensor]) -> list[Tensor]:
    """`values` of the kept nodes, [nodes] a layer; an empty list stays empty."""
    return [value[mask] for value, mask in zip(values, kept, strict=bool(values))]


def strongest(scores: Sequence[Tensor], count: int, minima: Sequence[int]) -> list[Tensor]:
    """The `count` nodes of highest score over all layers, with at least `minima` of each layer
    among them.

    scores: one float tensor [nodes] a layer. Returns boolean masks of the same shapes with exactly
    `count` True (more only if the minima require it). Ties go to the lower layer and index.
    """
    keep = _best_of_each(scores, minima)
    room = count - sum(_counts(scores, minima))
    if room <= 0:
        return keep
    pairs = zip(scores, keep, strict=True)
    pool = torch.cat([score.masked_fill(mask, -torch.inf) for score, mask in pairs])
    chosen = torch.zeros_like(pool, dtype=torch.bool)
    chosen[pool.argsort(descending=True, stable=True)[:room]] = True
    both = zip(keep, chosen.split([len(s) for s in scores]), strict=True)
    return [mask | more for mask, more in both]


def _best_of_each(scores: Sequence[Tensor], counts: Sequence[int]) -> list[Tensor]:
    """The `counts` nodes of highest score of each layer, boolean [nodes] a layer."""
    keep = [torch.zeros(len(s), dtype=torch.bool, device=s.device) for s in scores]
    for mask, score, count in zip(keep, scores, counts, strict=True):
        mask[score.argsort(descending=True, stable=True)[:count]] = True
    return keep


def _counts(scores: Sequence[Tensor], minima: Sequence[int]) -> list[int]:
    """How many nodes of each layer `_best_of_each` takes, known without a read of its masks."""
    return [min(least, len(s)) for s, least in zip(scores, minima, strict=True)]


def affordable(scores: Sequence[Tensor], limit: float, minima: Sequence[int], request: CostRequest) -> list[Tensor]:
    """Nodes of highest score over all layers that cost at most `limit`, with at least `minima` of
    each layer among them; nodes of score -inf, which are gone already, only among those.

    scores: one float tensor [nodes] a layer. Returns boolean masks of the same shapes. See
    `CostRequest.within`.
    """
    keep = _best_of_each(scores, minima)
    pool = torch.cat([s.masked_fill(mask, -torch.inf) for s, mask in zip(scores, keep, strict=True)])
    order = pool.argsort(descending=True, stable=True)[: int((pool > -torch.inf).sum())]
    layers = np.repeat(np.arange(len(scores)), [len(s) for s in scores])
    taken = request.within(layers[order.cpu().numpy()], _counts(scores, minima), limit)
    chosen = torch.zeros_like(pool, dtype=torch.bool)
    chosen[order[torch.from_numpy(taken).to(order.device)]] = True
    both = zip(keep, chosen.split([len(s) for s in scores]), strict=True)
    return [mask | more for mask, more in both]


def largest(values: Sequence[Tensor], count: int) -> list[Tensor]:
    """Masks of the `count` largest of all values together, boolean of the same shapes.

    Exactly `count` are True; ties go to the earlier tensor and index, on any device.
    """
    flat = torch.cat([v.flatten() for v in values])
    if count == 0:
        return [torch.zeros_like(v, dtype=torch.bool) for v in values]
    threshold = _smallest(flat, len(flat) - count + 1)
    mask = flat >= threshold
    if surplus := int(mask.count_nonzero()) - count:
        mask[(flat == threshold).nonzero().flatten()[-surplus:]] = False
    parts = mask.split([v.numel() for v in values])
    return [part.view(v.shape) for part, v in zip(parts, values, strict=True)]


def _smallest(flat: Tensor, k: int) -> Tensor:
    """The k-th smallest value, [] (on a CPU numpy's selection is ten times as fast as torch's)."""
    if flat.is_cuda:
        return flat.kthvalue(k).values
    return torch.from_numpy(np.partition(flat.numpy(), k - 1)[k - 1 : k])[0]


def first(
    sizes: Sequence[int],
    counts: Sequence[int],
    device: torch.device | None = None,
) -> list[Tensor]:
    """Masks of the first `counts` nodes of layers of `sizes` nodes; boolean [nodes] a layer."""
    return [torch.arange(size, device=device) < count for size, count in zip(sizes, counts, strict=True)]


def reach(alive: Sequence[Tensor]) -> list[int]:
    """For each layer the length of the shortest prefix that contains all of its living nodes."""
    return [int(mask.nonzero().max()) + 1 if bool(mask.any()) else 0 for mask in alive]


def prefix_share(kept: Sequence[Tensor]) -> float:
    """Fraction of the kept nodes that lie in the prefix of their number: of n kept nodes of a
    layer, those below n.

    1 if every layer keeps its first nodes. kept: boolean [nodes] a layer.
    """
    inside = sum(int(mask[: int(mask.sum())].sum()) for mask in kept)
    return inside / max(1, sum(int(mask.sum()) for mask in kept))


def share_by_chance(kept: Sequence[Tensor]) -> float:
    """Expected `prefix_share` if each layer's kept nodes were drawn at random: sum n^2/N over sum
    n.
    """
    counts = [(int(mask.sum()), len(mask)) for mask in kept]
    return sum(n * n / size for n, size in counts if size) / max(1, sum(n for n, _ in counts))
