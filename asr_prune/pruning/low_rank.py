"""The output layer as a product of two maps (Xue, Li and Gong 2013, "Restructuring of deep neural
network acoustic models with singular value decomposition").
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Moments:
    """mean: float64 [nodes]; covariance: float64 [nodes, nodes]; of what a map reads."""

    mean: Tensor
    covariance: Tensor


@dataclass(frozen=True)
class LowRank:
    """basis: U, [outputs, rank], orthonormal columns; constant: what the bias takes up, [outputs];
    energy: the fraction of the logits' variance that remains.
    """

    basis: Tensor
    constant: Tensor
    energy: float


def output_moments(output: nn.Linear, run_over: Callable[[], object]) -> Moments:
    """Of the inputs of `output` on the frames that `run_over` passes through the network."""
    columns = output.weight.shape[-1]
    total = torch.zeros(columns, dtype=torch.float64, device=output.weight.device)
    squares, frames = torch.zeros(columns, columns).to(total), 0

    def watch(module: nn.Module, inputs: tuple[Any, ...]) -> None:
        nonlocal frames
        rows = inputs[0].detach().flatten(0, -2).double()
        frames += len(rows)
        total.add_(rows.sum(0))
        squares.addmm_(rows.T, rows)

    handle = output.register_forward_pre_hook(watch)
    try:
        run_over()
    finally:
        handle.remove()
    mean = total / max(1, frames)
    return Moments(mean, squares / max(1, frames) - torch.outer(mean, mean))


def largest_rank(rows: int, columns: int) -> int:
    """The largest rank at which two maps have fewer weights than one of `rows` by `columns`."""
    return max(0, -(-rows * columns // (rows + columns)) - 1)


def low_rank(weight: Tensor, moments: Moments, rank: int | None, energy: float) -> LowRank | None:
    """The map of `rank`, with a constant, that is nearest to `weight` [outputs, nodes] in the mean
    square of the logits over the frames of `moments`: `U U' (W h) + c`, with U the leading
    eigenvectors of the logits' covariance.

    rank: None takes the least that keeps the fraction `energy` of the logits' variance. Returns
    None if two maps would not have fewer weights than the one (columns of zeros are not counted).
    """
    full = weight.double()
    values, vectors = torch.linalg.eigh(moments.covariance)
    spread = full @ (vectors * values.clamp_min(0).sqrt())
    left, singular, _ = torch.linalg.svd(spread, full_matrices=False)
    shares = singular.square().cumsum(0) / singular.square().sum().clamp_min(1e-300)
    if rank is None:
        rank = int((shares < energy).sum()) + 1
    living = int((weight.count_nonzero(0) > 0).sum())
    if rank > largest_rank(len(weight), living):
        return None
    basis = left[:, :rank]
    image = full @ moments.mean
    return LowRank(basis, image - basis @ (basis.T @ image), float(shares[rank - 1]))
