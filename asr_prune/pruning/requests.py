"""How much of a network is asked to remain: a number of nodes, or a cost; read without torch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import permutations
from typing import TYPE_CHECKING

import numpy as np

from asr_prune.pruning.budget import NOUNS
from asr_prune.pruning.counts import even_counts, minima_of, minima_told, target_of
from asr_prune.pruning.options import PruneOptions
from asr_prune.pruning.schedule import cubic

if TYPE_CHECKING:
    from asr_prune.pruning.costs import Spent


#: the fraction of a budget that a choice of nodes may leave without another being looked for
UNUSED = 0.02


class NodeRequest:
    """The unit is the node: what `keep` asks, or nothing.

    sizes: nodes of each layer of the dense network; dense: what it costs; limit: the most that the
    smaller one may cost.
    """

    def __init__(self, sizes: Sequence[int], options: PruneOptions) -> None:
        self.sizes, self.options = list(sizes), options
        self.dense: float = sum(sizes)
        self.limit: float = self.dense

    def minima(self, share: float | None = None) -> list[int]:
        """The fewest nodes of each layer, where all layers would keep `share` of their nodes alike
        (None: at the end).
        """
        options, share = self.options, self.options.keep if share is None else share
        return minima_of(self.sizes, share, options.min_nodes, options.acting_floor)

    def target(self, minima: Sequence[int]) -> float | None:
        """What must remain at the end; None if nothing was asked."""
        return target_of(self.sizes, self.options.keep, minima)

    def share(self, limit: float) -> float:
        """The fraction of its nodes that each layer keeps if all keep alike and cost `limit`."""
        return limit / self.dense

    def after(self, progress: float, target: float | None) -> tuple[float, list[int]]:
        """What should remain at `progress`, 0 to 1, of a cubic schedule down to the target, and the
        fewest nodes of each layer.
        """
        keep = self.options.keep
        limit = cubic(self.dense, self.dense if target is None else target, progress)
        return round(limit), self.minima(cubic(1, 1.0 if keep is None else keep, progress))

    def spent(self, counts: Sequence[float]) -> float:
        """What counts of nodes cost, [layers]."""
        return sum(counts)

    def room(self, ranked: np.ndarray, counts: Sequence[int], limit: float) -> int:
        """How many of the ranked nodes may join `counts` nodes, one after the other. ranked: the
        layer of each, the best first.
        """
        return round(limit) - sum(counts)

    def check(self) -> None:
        """Raises ValueError if less is asked than can be had, see `check_request` for `keep`."""

    def even(self, limit: float, minima: Sequence[int]) -> list[int]:
        """Nodes of each layer that together cost `limit`, the same share of each layer as far as
        the minima allow.
        """
        return even_counts(self.sizes, round(limit), minima)


class CostRequest(NodeRequest):
    """The unit is that of a budget. Costs are never above it, and below it by less than the
    cheapest node that could be added.
    """

    def __init__(self, sizes: Sequence[int], options: PruneOptions, spent: Spent) -> None:
        super().__init__(sizes, options)
        assert options.budget is not None
        self.budget, self.of = options.budget, spent
        self.dense = self.spent(sizes)
        self.limit = min(self.dense, self.budget.limit(self.dense))

    def minima(self, share: float | None = None) -> list[int]:
        share = self.share(self.limit) if share is None else share
        floors = (int(self.options.acting_floor * share * size) for size in self.sizes)
        return [min(size, max(self.options.min_nodes, floor)) for size, floor in zip(self.sizes, floors, strict=True)]

    def target(self, minima: Sequence[int]) -> float:
        return self.limit

    def share(self, limit: float) -> float:
        low, high = 0.0, 1.0
        for _ in range(50):
            middle = (low + high) / 2
            low, high = (low, middle) if self.spent([middle * s for s in self.sizes]) > limit else (middle, high)
        return high if limit >= self.dense else low

    def after(self, progress: float, target: float | None) -> tuple[float, list[int]]:
        limit = cubic(self.dense, self.limit, progress)
        return limit, self.minima(self.share(limit))

    def spent(self, counts: Sequence[float]) -> float:
        return float(self.of(np.asarray(counts, dtype=float)))

    def room(self, ranked: np.ndarray, counts: Sequence[int], limit: float) -> int:
        return int(self._fits(ranked, np.asarray(counts, dtype=float), limit)[0].sum())

    def even(self, limit: float, minima: Sequence[int]) -> list[int]:
        places = [(np.arange(least, size) + 1) / size for size, least in zip(self.sizes, minima, strict=True)]
        layers = np.repeat(np.arange(len(places)), [len(place) for place in places])
        ranked = layers[np.argsort(np.concatenate(places), kind="stable")]
        taken = ranked[self.within(ranked, minima, limit)]
        return [least + int((taken == i).sum()) for i, least in enumerate(minima)]

    def within(self, ranked: np.ndarray, counts: Sequence[int], limit: float) -> np.ndarray:
        """Which of the ranked nodes may join `counts` nodes, boolean [ranked]: down the ranking,
        all that fit. A layer whose next node does not fit is full, the others go on. If that leaves
        more than `UNUSED` of the limit, one more node of a layer takes the place of the last ones
        of another where less is left so.

        ranked: the layer of each node, the best first, int64.
        """
        taken = self._filled(ranked, counts, limit, np.zeros(len(ranked), bool))
        if self._cost(ranked[taken], counts) >= (1 - UNUSED) * limit:
            return taken
        pairs = permutations(range(len(counts)), 2)
        swapped = (self._swapped(ranked, counts, limit, taken, *pair) for pair in pairs)
        found = [taken, *(self._filled(ranked, counts, limit, each) for each in swapped if each is not None)]
        return max(found, key=lambda each: self._cost(ranked[each], counts))

    def _cost(self, layers: np.ndarray, counts: Sequence[int]) -> float:
        more = np.bincount(layers, minlength=len(counts))
        return self.spent([least + int(n) for least, n in zip(counts, more, strict=True)])

    def _swapped(
        self, ranked: np.ndarray, counts: Sequence[int], limit: float, taken: np.ndarray, into: int, out: int
    ) -> np.ndarray | None:
        """`taken` with the best further node of layer `into`, without as many of the last ones of
        layer `out` as it displaces; None if that does not fit.
        """
        other, last = taken.copy(), np.flatnonzero(taken & (ranked == out))
        other[np.flatnonzero(~taken & (ranked == into))[:1]] = True
        while self._cost(ranked[other], counts) > limit:
            if not len(last):
                return None
            other[last[-1]], last = False, last[:-1]
        return other

    def _filled(self, ranked: np.ndarray, counts: Sequence[int], limit: float, taken: np.ndarray) -> np.ndarray:
        """`taken` with all further nodes that fit, down the ranking."""
        taken, kept = taken.copy(), np.asarray(counts) + np.bincount(ranked[taken], minlength=len(counts))
        places = np.flatnonzero(~taken)
        while len(places):
            fits, steps = self._fits(ranked[places], kept, limit)
            taken[places[fits]] = True
            kept, places = steps[fits][-1] if fits.any() else kept, places[~fits]
            places = places[ranked[places] != ranked[places[:1]]]
        return taken

    def _fits(self, ranked: np.ndarray, kept: np.ndarray, limit: float) -> tuple[np.ndarray, np.ndarray]:
        """Which first nodes of the ranking fit, boolean [ranked], and the counts after each of
        them, [ranked, layers].
        """
        steps = kept + np.cumsum(np.eye(len(kept))[ranked], 0)
        return self.of(steps) <= limit, steps

    def least_share(self) -> float:
        """The smallest fraction of the dense network that the minima leave, of those that are no
        smaller than the budget, in steps of 0.0001.
        """
        share, least = self.limit / self.dense, self.spent(self.minima())
        while least > share * self.dense:
            share = math.ceil(1e4 * least / self.dense) / 1e4
            least = self.spent(self.minima(self.share(share * self.dense)))
        return share

    def check(self) -> None:
        """The sentence says the least that can be had."""
        share = self.least_share()
        if share * self.dense <= self.limit * (1 + 1e-9):
            return
        least = self.spent(self.minima(self.share(share * self.dense)))
        budget, options, had = self.budget, self.options, f"{_told(self.limit)} of {_told(self.dense)}"
        layers = "/".join(map(str, self.sizes))
        enough = f"{share:g} of the dense network" if budget.relative else _rounded_up(share * self.dense)
        minima, lower = minima_told(options.min_nodes, options.acting_floor)
        raise ValueError(
            f"budget {budget} allows {had} {NOUNS[budget.kind]}, but {minima} at least {_told(least)} "
            f"in layers of {layers} nodes; raise the budget (to {enough}) or lower {lower}"
        )


def _told(amount: float) -> str:
    return f"{amount:,.0f}" if amount >= 1000 else f"{amount:.4g}"


def _rounded_up(amount: float) -> str:
    """An amount that is no smaller, in at least three digits."""
    step = 10.0 ** min(0, math.floor(math.log10(amount)) - 2)
    return f"{math.ceil(amount / step) * step:.10g}"
