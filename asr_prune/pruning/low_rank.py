"""Maps as products of two (Xue, Li and Gong 2013, "Restructuring of deep neural network acoustic
models with singular value decomposition").
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from asr_prune.acoustic.network import rows_read

#: (number of a map, its rank or None for the whole map) -> what it costs
MapCost = Callable[[int, int | None], float]


@dataclass(frozen=True)
class Moments:
    """mean: float64 [columns]; covariance: float64 [columns, columns]; of what a map reads."""

    mean: Tensor
    covariance: Tensor


@dataclass(frozen=True)
class LowRank:
    """basis: U, [rows, rank], orthonormal columns; constant: what the bias takes up, [rows];
    energy: the fraction of the outputs' variance that remains.
    """

    basis: Tensor
    constant: Tensor
    energy: float


@dataclass(frozen=True)
class Spectrum:
    """The principal components of a map's outputs over some frames.

    left: float64 [rows, components], strongest first; image: the mean output without the bias,
    float64 [rows]; shares: the fraction of the outputs' variance that the first k + 1 components
    keep, float64 [components]; columns: those of the map that are not zero.
    """

    left: Tensor
    image: Tensor
    shares: Tensor
    columns: int

    @property
    def largest(self) -> int:
        """The largest rank at which two maps have fewer weights than the one."""
        return largest_rank(len(self.left), self.columns)

    def at(self, rank: int) -> LowRank:
        """The map of `rank` that is nearest to the whole one in the mean square of the outputs."""
        basis = self.left[:, :rank]
        return LowRank(basis, self.image - basis @ (basis.T @ self.image), float(self.shares[rank - 1]))


def input_moments(maps: Sequence[nn.Linear], run_over: Callable[[], object]) -> list[Moments]:
    """Of what each of `maps` reads on the frames that `run_over` passes through the network."""
    sums = [_Sums(layer) for layer in maps]
    handles = [layer.register_forward_pre_hook(watch) for layer, watch in zip(maps, sums, strict=True)]
    try:
        run_over()
    finally:
        for handle in handles:
            handle.remove()
    return [watched.moments() for watched in sums]


class _Sums:
    """Adds up the moments of a map's inputs, as a hook before its forward."""

    def __init__(self, layer: nn.Linear) -> None:
        columns = layer.weight[0].numel()
        self.total = torch.zeros(columns, dtype=torch.float64, device=layer.weight.device)
        self.squares, self.frames = torch.zeros(columns, columns).to(self.total), 0

    def __call__(self, layer: nn.Module, inputs: tuple[Any, ...]) -> None:
        rows = rows_read(layer, *inputs).detach().flatten(0, -2).double()
        self.frames += len(rows)
        self.total.add_(rows.sum(0))
        self.squares.addmm_(rows.T, rows)

    def moments(self) -> Moments:
        mean = self.total / max(1, self.frames)
        return Moments(mean, self.squares / max(1, self.frames) - torch.outer(mean, mean))


def largest_rank(rows: int, columns: int) -> int:
    """The largest rank at which two maps have fewer weights than one of `rows` by `columns`."""
    return max(0, -(-rows * columns // (rows + columns)) - 1)


def spectrum(weight: Tensor, moments: Moments) -> Spectrum:
    """Of the outputs of `weight` [rows, columns] on inputs of these moments."""
    full = weight.double()
    values, vectors = torch.linalg.eigh(moments.covariance)
    spread = full @ (vectors * values.clamp_min(0).sqrt())
    left, singular, _ = torch.linalg.svd(spread, full_matrices=False)
    shares = singular.square().cumsum(0) / singular.square().sum().clamp_min(1e-300)
    return Spectrum(left, full @ moments.mean, shares, int((weight.count_nonzero(0) > 0).sum()))


def low_rank(weight: Tensor, moments: Moments, rank: int | None, energy: float) -> LowRank | None:
    """The map of `rank`, with a constant, that is nearest to `weight` [rows, columns] in the mean
    square of the outputs over the frames of `moments`: `U U' (W h) + c`, with U the leading
    eigenvectors of the outputs' covariance.

    rank: None takes the least that keeps the fraction `energy` of the outputs' variance. Returns
    None if two maps would not have fewer weights than the one (columns of zeros are not counted).
    """
    found = spectrum(weight, moments)
    if rank is None:
        rank = int((found.shares < energy).sum()) + 1
    return None if rank > found.largest else found.at(rank)


def ranks_within(spectra: Sequence[Spectrum], limit: float, cost: MapCost) -> list[int | None]:
    """The ranks of maps that cost at most `limit` together; None: stays whole.

    Components are taken from the map that has lost the largest fraction of its outputs' variance,
    so that all maps end with about the same fraction, until none fits. Rank 1 of every map is
    always taken.
    """
    ranks: list[int | None] = [1 if found.largest else None for found in spectra]
    left = limit - sum(cost(i, rank) for i, rank in enumerate(ranks))
    open_maps = {i for i, rank in enumerate(ranks) if rank is not None}
    while open_maps:
        i = max(open_maps, key=lambda i: (_lost(spectra[i], ranks[i]), -i))
        more = _next(spectra[i], ranks[i])
        price = cost(i, more) - cost(i, ranks[i])
        if price > left:
            open_maps.remove(i)
            continue
        left, ranks[i] = left - price, more
        if more is None:
            open_maps.remove(i)
    return ranks


def _next(found: Spectrum, rank: int | None) -> int | None:
    return None if rank is None or rank >= found.largest else rank + 1


def _lost(found: Spectrum, rank: int | None) -> float:
    return 0.0 if rank is None else 1 - float(found.shares[rank - 1])
