"""The cost of a network whose nodes are present with a probability: exact expectations and their
slopes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from asr_prune.acoustic.network import NodeLayer, rate_of


class Cost:
    """`C = rho * E[multiply-adds per frame] / dense + (1 - rho) * E[parameters] / dense` (Guenter
    and Sideris 2024, arXiv 2411.09127; the exact form is our reading).

    It counts the maps into and out of `layers`; what no node can remove (the input and the output
    layer of a residual network) is constant and left out. Gates of different layers are
    independent, so a map of an expected n rows and m columns has an expected n * m weights.
    """

    def __init__(self, layers: Sequence[NodeLayer], rho: float) -> None:
        full = torch.tensor([float(layer.size) for layer in layers])
        self.macs, self.params = _Form(len(layers)), _Form(len(layers))
        for m in _maps(layers):
            self.macs.add(m, m.rate)
            self.params.add(m, 1.0)
            if m.bias and m.out is not None:
                self.params.linear[m.out] += m.rows
        self.shares = rho / float(self.macs(full)), (1 - rho) / float(self.params(full))

    def expected(self, counts: Tensor) -> tuple[Tensor, Tensor]:
        """Expected multiply-adds per frame and parameters, [] each, for expected nodes `counts`,
        [layers].
        """
        return self.macs(counts), self.params(counts)

    def of(self, counts: Tensor) -> Tensor:
        """C, []; 1 for the dense network."""
        macs, params = self.expected(counts)
        return self.shares[0] * macs + self.shares[1] * params

    def slopes(self, counts: Tensor) -> Tensor:
        """dC / d(expected nodes) of each layer, [layers]."""
        return self.shares[0] * self.macs.slopes(counts) + self.shares[1] * self.params.slopes(counts)


@dataclass(frozen=True)
class _Map:
    """An affine map between layers of nodes.

    out, into: the layers whose nodes are its rows and columns, None if they are fixed; rows: of one
    node, or all of a fixed side; columns likewise; rate: evaluations per frame.
    """

    out: int | None
    into: int | None
    rows: float
    columns: float
    bias: bool
    rate: float


class _Form:
    """`n Q n + b n` of the nodes n of each layer."""

    def __init__(self, layers: int) -> None:
        self.quadratic, self.linear = torch.zeros(layers, layers), torch.zeros(layers)

    def add(self, m: _Map, rate: float) -> None:
        weights = m.rows * m.columns * rate
        if m.out is not None and m.into is not None:
            self.quadratic[m.out, m.into] += weights
        else:
            self.linear[m.into if m.out is None else m.out] += weights

    def __call__(self, counts: Tensor) -> Tensor:
        return counts @ self.quadratic.to(counts) @ counts + self.linear.to(counts) @ counts

    def slopes(self, counts: Tensor) -> Tensor:
        return (self.quadratic + self.quadratic.T).to(counts) @ counts + self.linear.to(counts)


def _maps(layers: Sequence[NodeLayer]) -> list[_Map]:
    takes = {id(layer.incoming): i for i, layer in enumerate(layers)}
    gives = {id(layer.outgoing): i for i, layer in enumerate(layers)}
    every: dict[int, nn.Linear] = {}
    for layer in layers:
        every |= {id(layer.incoming): layer.incoming, id(layer.outgoing): layer.outgoing}
    return [_map(m, takes.get(name), gives.get(name), layers) for name, m in every.items()]


def _map(m: nn.Linear, out: int | None, into: int | None, layers: Sequence[NodeLayer]) -> _Map:
    rows = m.out_features if out is None else m.out_features / max(1, layers[out].size)
    values = m.weight.shape[1:].numel()
    columns = values if into is None else values / max(1, layers[into].size)
    return _Map(out, into, rows, columns, m.bias is not None, rate_of(m))
