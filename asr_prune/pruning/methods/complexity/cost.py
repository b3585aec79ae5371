"""The cost of a network whose nodes are present with a probability: exact expectations and their
slopes.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from asr_prune.acoustic.node_layer import NodeLayer
from asr_prune.pruning.costs import AffineMap, maps_of


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
        like = layers[0].incoming.bias.detach()
        for m in maps_of(layers):
            self.macs.add(m, m.rate)
            self.params.add(m, 1.0)
            if m.bias and m.out is not None:
                self.params.linear[m.out] += m.rows
        self.shares = rho / float(self.macs(full)), (1 - rho) / float(self.params(full))
        self.macs.settle(like)
        self.params.settle(like)

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


class _Form:
    """`n Q n + b n` of the nodes n of each layer."""

    def __init__(self, layers: int) -> None:
        self.quadratic, self.linear = torch.zeros(layers, layers), torch.zeros(layers)

    def add(self, m: AffineMap, rate: float) -> None:
        weights = m.rows * m.columns * rate
        if m.out is not None and m.into is not None:
            self.quadratic[m.out, m.into] += weights
        elif (layer := m.into if m.out is None else m.out) is not None:
            self.linear[layer] += weights

    def settle(self, like: Tensor) -> None:
        """Takes the dtype and the device of `like`, for good: nothing is copied at each update."""
        self.quadratic, self.linear = self.quadratic.to(like), self.linear.to(like)

    def __call__(self, counts: Tensor) -> Tensor:
        return counts @ self.quadratic.to(counts) @ counts + self.linear.to(counts) @ counts

    def slopes(self, counts: Tensor) -> Tensor:
        return (self.quadratic + self.quadratic.T).to(counts) @ counts + self.linear.to(counts)
