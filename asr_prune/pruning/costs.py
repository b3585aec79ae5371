"""What a network costs, as a function of the nodes of its layers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from torch import nn

from asr_prune.acoustic.network import NodeLayer, rate_of
from asr_prune.pruning.budget import BudgetOptions, PricedBudget

#: bytes of a parameter in a network's file, and of a node in its table of the nodes that it keeps
WEIGHT_BYTES, INDEX_BYTES = 4, 3
#: the cost at counts of nodes, float64 [..., layers]; returns [...]. It never falls when a count
#: rises
Spent = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class AffineMap:
    """An affine map of a network with layers of nodes.

    out, into: the layers whose nodes are its rows and columns, None if they are fixed; rows: of one
    node, or all of a fixed side; columns likewise; rate: evaluations per frame.
    """

    out: int | None
    into: int | None
    rows: float
    columns: float
    bias: bool
    rate: float

    def shape(self, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Its rows and columns at counts of nodes, float [..., layers]; [...] each."""
        one = np.ones(counts.shape[:-1])
        return tuple(  # type: ignore[return-value]
            size * (one if layer is None else counts[..., layer])
            for size, layer in ((self.rows, self.out), (self.columns, self.into))
        )


def maps_of(layers: Sequence[NodeLayer]) -> list[AffineMap]:
    """Every map of the network that has these layers of nodes: those into and out of them, and
    those that no node can change.
    """
    takes = {id(layer.incoming): i for i, layer in enumerate(layers)}
    gives = {id(layer.outgoing): i for i, layer in enumerate(layers)}
    every: dict[int, nn.Linear] = {}
    for layer in layers:
        every |= {id(layer.incoming): layer.incoming, id(layer.outgoing): layer.outgoing}
    for layer in layers:
        every = {id(m): m for m in (*every.values(), *layer.feeders, *layer.readers)}
    return [_map(m, takes.get(name), gives.get(name), layers) for name, m in every.items()]


def _map(m: nn.Linear, out: int | None, into: int | None, layers: Sequence[NodeLayer]) -> AffineMap:
    rows = m.out_features if out is None else m.out_features / max(1, layers[out].size)
    values = m.weight.shape[1:].numel()
    columns = values if into is None else values / max(1, layers[into].size)
    return AffineMap(out, into, rows, columns, m.bias is not None, rate_of(m))


def spent_by(budget: BudgetOptions, layers: Sequence[NodeLayer]) -> Spent:
    """The cost in the unit of a budget, of the network that has these layers of nodes.

    params and macs are those of `size_of`. A budget of bytes must be priced, see prices.py.
    """
    maps, each = maps_of(layers), _macs if budget.kind == "macs" else _params

    def spent(counts: np.ndarray) -> np.ndarray:
        return sum((each(m, *m.shape(counts)) for m in maps), np.zeros(counts.shape[:-1]))

    if isinstance(budget, PricedBudget):
        fixed = budget.fixed
        return lambda counts: fixed + WEIGHT_BYTES * spent(counts) + INDEX_BYTES * counts.sum(-1)
    return spent


def _params(m: AffineMap, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    return rows * columns + (rows if m.bias else 0)


def _macs(m: AffineMap, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    return rows * columns * m.rate
