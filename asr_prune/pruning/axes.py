"""Linear nodes in axes of their own: the bottlenecks of factored maps, turned so that few matter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn, optim

from asr_prune.acoustic.distributed import processes
from asr_prune.acoustic.node_layer import NodeLayer
from asr_prune.pruning.watching import watch_while

#: least second moment of a node, as a fraction of the largest: what is below counts as noise
_FLOOR = 1e-7


def turn_axes(layers: Sequence[NodeLayer], optimiser: optim.Optimizer, run_over: Callable[[], object]) -> None:
    """Turns the nodes of every linear layer, in place, to the axes in which the fewest are worth
    the most; the function of the network stays. run_over: passes the training frames through it.

    Nodes z = B h + b that are read by maps y = A z may be any z' = T z, with T B, T b and A T^-1.
    With C the second moment of z over the frames and C^1/2 A'A C^1/2 = U S^2 U', the largest
    first, T = S^1/2 U' C^-1/2. Then the nodes are uncorrelated, and the r first ones give the y of
    rank r with the least mean squared error: the singular value decomposition of the map weighted
    by its input (without weights: Xue, Li and Gong 2013). A node has the mean square s and an
    outgoing vector of norm s^1/2, so that it is worth as much in both, as in balanced truncation
    (Moore 1981): norms rank nodes by their worth, and an update changes all alike.
    """
    turned = [layer for layer in layers if layer.linear]
    if not turned:
        return
    for layer, moment in zip(turned, _moments(turned, run_over), strict=True):
        _turn(layer, moment, optimiser)


class _Watch:
    """A forward hook that sums up the second moments of a map's outputs."""

    def __init__(self, layer: NodeLayer) -> None:
        self.sums = torch.zeros(layer.size, layer.size, dtype=torch.float64, device=layer.incoming.weight.device)
        self.frames = 0

    @torch.no_grad()
    def __call__(self, module: nn.Module, inputs: Any, outputs: Tensor) -> None:
        values = outputs.flatten(0, -2).double()
        self.frames += len(values)
        self.sums.addmm_(values.T, values)


def _moments(layers: Sequence[NodeLayer], run_over: Callable[[], object]) -> list[Tensor]:
    """Of each layer's nodes, float64 [nodes, nodes]."""
    watches = [_Watch(layer) for layer in layers]
    watch_while([layer.incoming for layer in layers], watches, run_over)
    return [watch.sums / max(1, watch.frames) for watch in watches]


def axes(moment: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """T and its inverse, float64 [nodes, nodes]. moment: C; weight: A, [rows, (taps,) nodes]."""
    columns = weight.double().flatten(0, -2)
    values, vectors = torch.linalg.eigh(moment)
    root = values.clamp_min(float(values[-1]) * _FLOOR or 1.0).sqrt()
    half, inverse = (vectors * root) @ vectors.T, (vectors / root) @ vectors.T
    worth, u = (part.flip(-1) for part in torch.linalg.eigh(half @ (columns.T @ columns) @ half))
    scale = worth.clamp_min(float(worth[0]) * _FLOOR or 1.0).pow(0.25)
    return (u * scale).T @ inverse, half @ (u / scale)


@torch.no_grad()
def _turn(layer: NodeLayer, moment: Tensor, optimiser: optim.Optimizer) -> None:
    """The slopes of z' are those of z times T^-1 transposed, and so is what the optimiser remembers
    of them; of their squares it is what independent slopes would give.
    """
    there, back = axes(moment, layer.outgoing.weight.detach())
    processes.take_from_first({"there": there, "back": back})
    for parameter, axis, forth in (
        (layer.incoming.weight, 0, there),
        (layer.incoming.bias, 0, there),
        (layer.outgoing.weight, -1, back.T),
    ):
        slopes = forth.T.inverse()
        parameter.copy_(_along(forth, parameter, axis))
        for name, value in optimiser.state.get(parameter, {}).items():
            if value is not None and value.shape == parameter.shape:
                squares = name in ("exp_avg_sq", "max_exp_avg_sq")
                value.copy_(_along(slopes.square() if squares else slopes, value, axis))


def _along(matrix: Tensor, values: Tensor, axis: int) -> Tensor:
    """`matrix` times `values` along one axis."""
    return torch.tensordot(matrix, values.detach().double(), ([1], [axis])).movedim(0, axis)
