"""Exact removal: a network in which some nodes are zero or constant, made physically smaller
without changing its function.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy

import torch
from torch import Tensor, nn, optim

from asr_prune.acoustic.network import Network
from asr_prune.acoustic.node_layer import Along, NodeLayer, by_columns, by_rows, over_rows
from asr_prune.acoustic.thin import select_inputs


@torch.no_grad()
def zero_nodes(layers: Sequence[NodeLayer], kept: Sequence[Tensor], fold: bool) -> None:
    """Removes the nodes outside `kept` from the function, in place: both vectors and the bias
    become 0.

    fold: the node's incoming vector counts as zero, so its constant act(bias) moves into the next
    biases; otherwise its outgoing vector does, and the node is just deleted. kept: one boolean
    tensor [nodes] a layer.
    """
    for layer, mask in zip(layers, kept, strict=True):
        layer.incoming.weight[~mask] = 0
    for layer, mask in zip(layers, kept, strict=True):
        gone = ~mask
        if fold:
            layer.absorb(gone, layer.constants(gone))
        layer.outgoing.weight[..., gone] = 0
        layer.incoming.bias[gone] = 0
        _zero_along(layer, gone)


def _zero_along(layer: NodeLayer, gone: Tensor) -> None:
    for module, name, dim in layer.along:
        values = getattr(module, name)
        shape = [-1 if i == dim % values.dim() else 1 for i in range(values.dim())]
        values.masked_fill_(gone.view(shape), 0)


@torch.no_grad()
def fold_means(
    layers: Sequence[NodeLayer],
    kept: Sequence[Tensor],
    constants: Sequence[Tensor],
) -> None:
    """Replaces each node outside `kept` by a constant, in place: `constants` (float [nodes] a
    layer, or as `NodeLayer.absorb` takes them) pass through the outgoing vectors, which become 0,
    into the next biases.
    """
    for layer, mask, constant in zip(layers, kept, constants, strict=True):
        gone = ~mask
        layer.absorb(gone, constant[..., gone].to(layer.outgoing.weight))
        layer.outgoing.weight[..., gone] = 0


@torch.no_grad()
def hold_at_zero(layer: NodeLayer, gone: Tensor) -> None:
    """Zeroes removed nodes again, which the optimiser's momentum would move. gone: boolean [nodes]."""
    kept = ~gone
    layer.incoming.weight.mul_(over_rows(kept, layer.incoming.weight))
    layer.incoming.bias.mul_(kept)
    layer.outgoing.weight.mul_(kept)
    _zero_along(layer, gone)


@torch.no_grad()
def narrow(
    layers: Sequence[NodeLayer],
    kept: Sequence[Tensor],
    optimiser: optim.Optimizer | None = None,
) -> None:
    """Makes the layers physically smaller, in place: only the nodes in `kept` (boolean [nodes] a
    layer) remain.

    The modules get new parameters without gradients, so that a graph that was recorded before can
    still be differentiated, by the old ones. In `optimiser` the new parameters take the places of
    the old ones, with narrowed state.
    """
    for layer, mask in zip(layers, kept, strict=True):
        index = mask.nonzero().flatten()
        for module, name, dim in _axes(layer):
            old = getattr(module, name)
            new = nn.Parameter(old.detach().index_select(dim, index), requires_grad=old.requires_grad)
            setattr(module, name, new)
            if optimiser is not None:
                _replace(optimiser, old, new, index, dim)
        layer.incoming.out_features = layer.outgoing.in_features = len(index)


def _axes(layer: NodeLayer) -> list[Along]:
    """The layer's parameters, module and name, each with the axis along which its nodes lie."""
    axes: list[Along] = [
        (layer.incoming, "weight", 0),
        (layer.incoming, "bias", 0),
        (layer.outgoing, "weight", -1),
        *layer.along,
    ]
    return [(module, name, dim % getattr(module, name).dim()) for module, name, dim in axes]


def _replace(optimiser: optim.Optimizer, old: Tensor, new: Tensor, index: Tensor, dim: int) -> None:
    for group in optimiser.param_groups:
        group["params"] = [new if parameter is old else parameter for parameter in group["params"]]
    if old in optimiser.state:
        state = optimiser.state.pop(old)
        tensors = {name: value for name, value in state.items() if isinstance(value, Tensor) and value.dim()}
        if any(value.shape != old.shape for value in tensors.values()):
            return  # of rows and columns apart, as Adafactor's, which begins anew without
        narrowed = {name: value.index_select(dim, index) for name, value in tensors.items()}
        optimiser.state[new] = {**state, **narrowed}


@torch.no_grad()
def widen(layers: Sequence[NodeLayer], index: Sequence[Tensor], sizes: Sequence[int]) -> None:
    """The inverse of `narrow`, in place: layers of `sizes` nodes, of which `index` (int64 [nodes] a
    layer) are the present ones and the others are zero.
    """
    for layer, places, size in zip(layers, index, sizes, strict=True):
        for module, name, dim in _axes(layer):
            old = getattr(module, name).detach()
            shape = [size if i == dim else n for i, n in enumerate(old.shape)]
            setattr(module, name, nn.Parameter(old.new_zeros(shape).index_copy_(dim, places, old)))
        layer.incoming.out_features = layer.outgoing.in_features = size


@torch.no_grad()
def shrink(network: Network) -> tuple[Network, list[list[int]]]:
    """A smaller network of the same function as `network`, and for each layer the indices of the
    nodes that it keeps.

    A node whose incoming vector is zero is the constant act(bias): it is folded into the next
    biases. A node whose outgoing vector is zero is deleted, and so is what feeds only deleted
    nodes. Coefficients of the input that no node reads are no longer selected. `network` is not
    changed. dtype and device stay.
    """
    small = deepcopy(network)
    kept = shrink_layers(small.node_layers())
    read = by_columns(small.affine[0].weight).count_nonzero(0) > 0
    if small.narrows_inputs and bool(read.any()) and not bool(read.all()):
        select_inputs(small, read.nonzero().flatten())
    return small, kept


@torch.no_grad()
def shrink_layers(layers: Sequence[NodeLayer]) -> list[list[int]]:
    """As `shrink`, in place; returns the indices of the nodes kept in each layer."""
    _fold_constants(layers)
    kept = _used(layers)
    narrow(layers, kept)
    return [mask.nonzero().flatten().tolist() for mask in kept]


def _fold_constants(layers: Sequence[NodeLayer]) -> None:
    for layer in layers:
        constant = by_rows(layer.incoming.weight).count_nonzero(1) == 0
        layer.absorb(constant, layer.constants(constant))
        layer.outgoing.weight[..., constant] = 0


def _used(layers: Sequence[NodeLayer]) -> list[Tensor]:
    kept = []
    for layer in reversed(layers):
        used = layer.used()
        layer.incoming.weight[~used] = 0
        kept.append(used)
    return kept[::-1]
