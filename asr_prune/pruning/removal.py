"""Exact removal: a network in which some nodes do nothing, or nothing but a constant, made physically smaller without
changing what it computes.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from asr_prune.acoustic.network import FeedForward, NodeLayer


@torch.no_grad()
def silence(layers: Sequence[NodeLayer], kept: Sequence[Tensor], fold: bool) -> None:
    """Takes the nodes outside `kept` out of the function, in place: both vectors and the bias become 0.

    fold: the node's incoming vector is what counts as zero, so its constant act(bias) moves into the next biases;
    otherwise its outgoing vector does, and it just goes. kept: one boolean tensor [nodes] a layer.
    """
    for layer, mask in zip(layers, kept, strict=True):
        layer.incoming.weight[~mask] = 0
    for layer, mask in zip(layers, kept, strict=True):
        gone = ~mask
        if fold:
            layer.outgoing.bias.add_(layer.outgoing.weight[:, gone] @ layer.activation(layer.incoming.bias[gone]))
        layer.outgoing.weight[:, gone] = 0
        layer.incoming.bias[gone] = 0


@torch.no_grad()
def fold(layers: Sequence[NodeLayer], kept: Sequence[Tensor], constants: Sequence[Tensor]) -> None:
    """Puts a constant in the stead of each node outside `kept`, in place: `constants` (float [nodes] a layer) go
    through the outgoing vectors, which become 0, into the next biases.
    """
    for layer, mask, constant in zip(layers, kept, constants, strict=True):
        gone = ~mask
        layer.outgoing.bias.add_(layer.outgoing.weight[:, gone] @ constant[gone].to(layer.outgoing.weight))
        layer.outgoing.weight[:, gone] = 0


@torch.no_grad()
def hold_at_zero(layers: Sequence[NodeLayer], kept: Sequence[Tensor]) -> None:
    """Zeroes nodes outside `kept` again, which the optimiser's momentum would move. kept: boolean [nodes] a layer."""
    for layer, mask in zip(layers, kept, strict=True):
        if bool(mask.all()):
            continue
        layer.incoming.weight.mul_(mask[:, None])
        layer.incoming.bias.mul_(mask)
        layer.outgoing.weight.mul_(mask[None, :])


@torch.no_grad()
def shrink(network: FeedForward) -> tuple[FeedForward, list[list[int]]]:
    """A smaller network that computes what `network` computes, and for each layer the indices of the nodes it keeps.

    A node whose incoming vector is zero is the constant act(bias): it is folded into the next biases. A node whose
    outgoing vector is zero is deleted. Both are followed through: what feeds only deleted nodes goes too. `network` is
    not changed. dtype and device stay.
    """
    weights = [layer.weight.clone() for layer in network.affine]
    biases = [layer.bias.clone() for layer in network.affine]
    _fold_constants(weights, biases, network.node_layers())
    kept = _used(weights)
    small = FeedForward(
        network.affine[0].in_features,
        [len(k) for k in kept],
        network.output.out_features,
        network.activation,
    )
    small.to(network.shift)
    small.shift.copy_(network.shift)
    small.scale.copy_(network.scale)
    rows = [*kept, torch.arange(network.output.out_features, device=network.shift.device)]
    columns = [torch.arange(network.affine[0].in_features, device=network.shift.device), *kept]
    for layer, weight, bias, row, column in zip(small.affine, weights, biases, rows, columns, strict=True):
        layer.weight.copy_(weight[row][:, column])
        layer.bias.copy_(bias[row])
    small.train(network.training)
    return small, [k.tolist() for k in kept]


def _fold_constants(weights: list[Tensor], biases: list[Tensor], layers: Sequence[NodeLayer]) -> None:
    for level, layer in enumerate(layers):
        constant = weights[level].count_nonzero(1) == 0
        biases[level + 1] += weights[level + 1][:, constant] @ layer.activation(biases[level][constant])
        weights[level + 1][:, constant] = 0


def _used(weights: list[Tensor]) -> list[Tensor]:
    kept: list[Tensor] = []
    for level in range(len(weights) - 2, -1, -1):
        used = weights[level + 1].count_nonzero(0) > 0
        weights[level][~used] = 0
        kept.insert(0, used.nonzero().flatten())
    return kept
