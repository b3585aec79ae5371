"""Exact removal: a network in which some nodes do nothing, or nothing but a constant, made physically smaller without
changing what it computes.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy

import torch
from torch import Tensor, optim

from asr_prune.acoustic.network import Network, NodeLayer, by_columns, by_rows, over_rows


@torch.no_grad()
def zero_nodes(layers: Sequence[NodeLayer], kept: Sequence[Tensor], fold: bool) -> None:
    """Takes the nodes outside `kept` out of the function, in place: both vectors and the bias become 0.

    fold: the node's incoming vector is what counts as zero, so its constant act(bias) moves into the next biases;
    otherwise its outgoing vector does, and it just goes. kept: one boolean tensor [nodes] a layer.
    """
    for layer, mask in zip(layers, kept, strict=True):
        layer.incoming.weight[~mask] = 0
    for layer, mask in zip(layers, kept, strict=True):
        gone = ~mask
        if fold:
            layer.absorb(gone, layer.activation(layer.incoming.bias[gone]))
        layer.outgoing.weight[..., gone] = 0
        layer.incoming.bias[gone] = 0


@torch.no_grad()
def fold(layers: Sequence[NodeLayer], kept: Sequence[Tensor], constants: Sequence[Tensor]) -> None:
    """Puts a constant in the stead of each node outside `kept`, in place: `constants` (float [nodes] a layer) go
    through the outgoing vectors, which become 0, into the next biases.
    """
    for layer, mask, constant in zip(layers, kept, constants, strict=True):
        gone = ~mask
        layer.absorb(gone, constant[gone].to(layer.outgoing.weight))
        layer.outgoing.weight[..., gone] = 0


@torch.no_grad()
def hold_at_zero(layers: Sequence[NodeLayer], kept: Sequence[Tensor]) -> None:
    """Zeroes nodes outside `kept` again, which the optimiser's momentum would move. kept: boolean [nodes] a layer."""
    for layer, mask in zip(layers, kept, strict=True):
        if bool(mask.all()):
            continue
        layer.incoming.weight.mul_(over_rows(mask, layer.incoming.weight))
        layer.incoming.bias.mul_(mask)
        layer.outgoing.weight.mul_(mask)


@torch.no_grad()
def narrow(layers: Sequence[NodeLayer], kept: Sequence[Tensor], optimiser: optim.Optimizer | None = None) -> None:
    """Makes the layers physically smaller, in place: only the nodes in `kept` (boolean [nodes] a layer) stay.

    Parameters stay the same objects, their gradients go; what `optimiser` keeps of each is narrowed with it.
    """
    for layer, mask in zip(layers, kept, strict=True):
        index = mask.nonzero().flatten()
        for parameter, dim in _axes(layer):
            _take(parameter, index, dim, optimiser)
        layer.incoming.out_features = layer.outgoing.in_features = len(index)


def _axes(layer: NodeLayer) -> list[tuple[Tensor, int]]:
    """The layer's parameters, each with the axis along which its nodes lie."""
    out = layer.outgoing.weight
    return [(layer.incoming.weight, 0), (layer.incoming.bias, 0), (out, out.dim() - 1)]


def _take(parameter: Tensor, index: Tensor, dim: int, optimiser: optim.Optimizer | None) -> None:
    state = {} if optimiser is None else optimiser.state.get(parameter, {})
    for name, value in state.items():
        if isinstance(value, Tensor) and value.shape == parameter.shape:
            state[name] = value.index_select(dim, index)
    parameter.data = parameter.data.index_select(dim, index)
    parameter.grad = None


@torch.no_grad()
def spread(layers: Sequence[NodeLayer], index: Sequence[Tensor], sizes: Sequence[int]) -> None:
    """The way back, in place: layers of `sizes` nodes whose nodes `index` (int64 [nodes] a layer) are those there are,
    and whose others are silent.
    """
    for layer, places, size in zip(layers, index, sizes, strict=True):
        for parameter, dim in _axes(layer):
            shape = [size if i == dim else n for i, n in enumerate(parameter.shape)]
            parameter.data = parameter.data.new_zeros(shape).index_copy_(dim, places, parameter.data)
            parameter.grad = None
        layer.incoming.out_features = layer.outgoing.in_features = size


@torch.no_grad()
def shrink(network: Network) -> tuple[Network, list[list[int]]]:
    """A smaller network that computes what `network` computes, and for each layer the indices of the nodes it keeps.

    A node whose incoming vector is zero is the constant act(bias): it is folded into biases further on. A node whose
    outgoing vector is zero is deleted. Both are followed through: what feeds only deleted nodes goes too. `network` is
    not changed. dtype and device stay.
    """
    small = deepcopy(network)
    layers = small.node_layers()
    _fold_constants(layers)
    kept = _used(layers)
    narrow(layers, kept)
    return small, [mask.nonzero().flatten().tolist() for mask in kept]


def _fold_constants(layers: Sequence[NodeLayer]) -> None:
    for layer in layers:
        constant = by_rows(layer.incoming.weight).count_nonzero(1) == 0
        layer.absorb(constant, layer.activation(layer.incoming.bias[constant]))
        layer.outgoing.weight[..., constant] = 0


def _used(layers: Sequence[NodeLayer]) -> list[Tensor]:
    kept = []
    for layer in reversed(layers):
        used = by_columns(layer.outgoing.weight).count_nonzero(0) > 0
        layer.incoming.weight[~used] = 0
        kept.append(used)
    return kept[::-1]
