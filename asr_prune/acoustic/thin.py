"""Networks made thinner between their nodes: what they read, and the ranks of their maps."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from asr_prune.acoustic.network import Network, rate_of


@torch.no_grad()
def select_inputs(network: Network, index: Tensor) -> None:
    """Reads only some of the coefficients that the network reads now: narrows the first map and the
    normalisation to them, in place. index: int64 [coefficients].
    """
    first = network.affine[0]
    first.weight = nn.Parameter(first.weight.index_select(-1, index))
    first.in_features = len(index)
    network.read_only(index)


@torch.no_grad()
def select_all_inputs(network: Network, shift: Tensor, scale: Tensor) -> None:
    """The inverse of `select_inputs`, in place: columns of coefficients that were not read are 0.

    shift, scale: the normalisation of all coefficients, [inputs], for those that were not read.
    """
    places = network.selection
    if places is None:
        return
    first = network.affine[0]
    old = first.weight
    columns = old.new_zeros(*old.shape[:-1], network.inputs).index_copy_(-1, places, old)
    first.weight, first.in_features, network.selection = nn.Parameter(columns), network.inputs, None
    network.shift = shift.to(old).index_copy(0, places, network.shift)
    network.scale = scale.to(old).index_copy(0, places, network.scale)


@torch.no_grad()
def factor_map(network: Network, number: int, basis: Tensor, constant: Tensor | None = None) -> None:
    """Replaces map `number` of `network.maps`, `W h + b`, by `U (U' W h) + b + constant`, in place,
    as two maps, the first without a bias.

    basis: U, float [rows, rank]; constant: float [rows], None for 0. Does nothing to weights of an
    optimiser.
    """
    first = network.maps[number]
    weight, bias, rank = first.weight, first.bias, basis.shape[1]
    second = nn.utils.skip_init(nn.Linear, rank, first.out_features, device=weight.device).to(weight)
    second.weight.copy_(basis)
    second.bias = bias if constant is None else nn.Parameter(bias + constant)
    second.rate = rate_of(first)
    rows = (basis.T.to(weight) @ weight.flatten(1)).view(-1, *weight.shape[1:])
    first.weight = nn.Parameter(rows)
    first.bias = None  # type: ignore[assignment]
    first.out_features = rank
    network.expansions[str(number)] = second


@torch.no_grad()
def multiply_maps(network: Network) -> None:
    """The inverse of `factor_map` for all maps, in place: the same function of whole maps."""
    for number, first in enumerate(network.maps):
        for second in network.factors(number)[1:]:
            product = second.weight @ first.weight.flatten(1)
            first.weight = nn.Parameter(product.view(-1, *first.weight.shape[1:]))
            first.bias, first.out_features = second.bias, second.out_features
    network.expansions.clear()
