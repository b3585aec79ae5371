"""What a network costs whose nodes are there with a probability: exact expectations, and what one more node adds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from asr_prune.acoustic.network import NodeLayer, rate_of


@dataclass(frozen=True)
class _Map:
    """An affine map between layers of nodes: out, into: which layer's nodes its rows and columns belong to, None where
    they are fixed. rows: of one node, or all of a fixed side; columns likewise; rate: evaluations a frame.
    """

    out: int | None
    into: int | None
    rows: float
    columns: float
    bias: bool
    rate: float


class Cost:
    """`C = rho * E[multiply-adds a frame] / dense + (1 - rho) * E[parameters] / dense` (Guenter and Sideris 2024, arXiv
    2411.09127; the exact form is our reading).

    Counted are the maps into and out of `layers`; what no node can remove (of a residual network, the input and the
    output layer) is the same whatever happens. Gates of different layers are independent, so that a map of an expected
    n rows and m columns has an expected n * m weights.
    """

    def __init__(self, layers: Sequence[NodeLayer], rho: float) -> None:
        self.rho = rho
        self.maps = _maps(layers)
        full = torch.tensor([float(layer.size) for layer in layers], dtype=torch.float64)
        self.dense = tuple(float(value) for value in self.expected(full))

    def expected(self, counts: Tensor) -> tuple[Tensor, Tensor]:
        """Multiply-adds a frame and parameters, [] each, for an expected `counts` nodes a layer, [layers]."""
        macs, params = counts.new_zeros(()), counts.new_zeros(())
        for m in self.maps:
            rows, columns = _side(m.out, m.rows, counts), _side(m.into, m.columns, counts)
            macs = macs + m.rate * rows * columns
            params = params + rows * columns + (rows if m.bias else 0.0)
        return macs, params

    def of(self, counts: Tensor) -> Tensor:
        """C, []; 1 for the dense network."""
        macs, params = self.expected(counts)
        return self.rho * macs / self.dense[0] + (1 - self.rho) * params / self.dense[1]

    def slopes(self, counts: Tensor) -> Tensor:
        """dC / d(expected nodes) of each layer, [layers]."""
        counts = counts.detach().requires_grad_()
        with torch.enable_grad():
            (slopes,) = torch.autograd.grad(self.of(counts), counts)
        return slopes


def _side(layer: int | None, size: float, counts: Tensor) -> Tensor:
    return counts.new_tensor(size) if layer is None else size * counts[layer]


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
    bias = m.bias is not None and out is not None
    return _Map(out, into, rows, columns, bias, rate_of(m))
