"""What a network costs, as a function of the nodes of its layers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from torch import nn

from asr_prune.acoustic.network import rate_of
from asr_prune.acoustic.node_layer import NodeLayer
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
    for i, layer in enumerate(layers):
        for module, name, axis in layer.along:
            if name == "weight":
                (gives if axis else takes)[id(module)] = i
    every: dict[int, nn.Linear] = {}
    for layer in layers:
        every |= {id(layer.incoming): layer.incoming, id(layer.outgoing): layer.outgoing}
    for layer in layers:
        every = {id(m): m for m in (*every.values(), *layer.feeders, *layer.readers)}
    real = {name: m for name, m in every.items() if not getattr(m, "virtual", False)}
    return [_map(m, takes.get(name), gives.get(name), layers) for name, m in real.items()]


def _map(m: nn.Linear, out: int | None, into: int | None, layers: Sequence[NodeLayer]) -> AffineMap:
    rows = m.out_features if out is None else m.out_features / max(1, layers[out].size)
    values = m.weight.shape[1:].numel()
    columns = values if into is None else values / max(1, layers[into].size)
    return AffineMap(out, into, rows, columns, m.bias is not None, rate_of(m))


def spent_by(budget: BudgetOptions, layers: Sequence[NodeLayer]) -> Spent:
    """The cost in the unit of a budget, of the network that has these layers of nodes.

    params and macs are those of `size_of`. Budgets of bytes and of time must be priced, see
    prices.py.
    """
    maps = maps_of(layers)

    def summed(each: Callable[[AffineMap, np.ndarray, np.ndarray], np.ndarray], counts: np.ndarray) -> np.ndarray:
        return sum((each(m, *m.shape(counts)) for m in maps), np.zeros(counts.shape[:-1]))

    if not isinstance(budget, PricedBudget):
        return partial(summed, _macs if budget.kind == "macs" else _params)
    fixed, *prices = budget.prices
    if budget.kind == "bytes":
        each = WEIGHT_BYTES * np.array([node_values(layer) for layer in layers]) + INDEX_BYTES
        return lambda counts: fixed + WEIGHT_BYTES * summed(_params, counts) + (each * counts).sum(-1)
    return lambda counts: fixed + prices[0] * summed(_rows, counts) + prices[1] * summed(_macs, counts)


def node_values(layer: NodeLayer) -> int:
    """Values of a file for each node of a layer that are no weights or biases of maps: gates, and
    those of batch normalisation.
    """
    gates = 3 if layer.gated else 0
    return gates + sum(not isinstance(module, nn.Linear) for module, _, _ in layer.along)


def _params(m: AffineMap, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    return rows * columns + (rows if m.bias else 0)


def _rows(m: AffineMap, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    return rows * m.rate


def _macs(m: AffineMap, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    return rows * columns * m.rate
