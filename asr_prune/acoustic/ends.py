"""The two ends of a network made smaller: what it reads, and the rank of its output."""

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
def factor_output(network: Network, basis: Tensor, constant: Tensor | None = None) -> None:
    """Replaces the output map `W h + b` by `U (U' W h) + b + constant`, in place, as two maps, the
    first without a bias.

    basis: U, float [outputs, rank]; constant: float [outputs], None for 0. Does nothing to weights
    of an optimiser.
    """
    weight, bias = network.output.weight, network.output.bias
    rank, device = basis.shape[1], weight.device
    second = nn.utils.skip_init(nn.Linear, rank, network.outputs, device=device).to(weight)
    second.weight.copy_(basis)
    second.bias = bias if constant is None else nn.Parameter(bias + constant)
    second.rate = rate_of(network.output)
    rows = (basis.T.to(weight) @ weight.flatten(1)).view(-1, *weight.shape[1:])
    network.output.weight = nn.Parameter(rows)
    network.output.bias = None  # type: ignore[assignment]
    network.output.out_features = rank
    network.expansion = second


@torch.no_grad()
def multiply_output(network: Network) -> None:
    """The inverse of `factor_output`, in place: one map again, which computes the same."""
    second = network.expansion
    if second is None:
        return
    weight = network.output.weight
    product = second.weight @ weight.flatten(1)
    network.output.weight = nn.Parameter(product.view(-1, *weight.shape[1:]))
    network.output.bias, network.output.out_features = second.bias, second.out_features
    network.expansion = None
