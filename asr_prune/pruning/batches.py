"""Layers whose vectors are the rows of one matrix, so that a step over them is a few calls for all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

from asr_prune.acoustic.node_layer import by_columns, by_rows

Value = TypeVar("Value")
#: weights of a layer up to which a GPU takes longer to start on them than to go over them
_SMALL = 1 << 20


def as_groups(weight: Tensor, dim: int) -> Tensor:
    """`weight` as a matrix in the same memory, whose groups are its columns (dim 0: outgoing
    vectors) or its rows (dim 1: incoming vectors).
    """
    return by_columns(weight) if dim == 0 else by_rows(weight)


@dataclass(frozen=True)
class LayerBatch:
    """Layers that are dealt with together.

    members: their places among the layers; side: the `dim` of `as_groups` of their vectors. A layer
    alone stays where it is in memory. Several are copied, a row per group, with zeros after the
    shorter ones.
    """

    members: tuple[int, ...]
    side: int

    @property
    def alone(self) -> bool:
        return len(self.members) == 1

    @property
    def dim(self) -> int:
        """The `dim` of `as_groups` of what `matrix` returns."""
        return self.side if self.alone else 1

    def own(self, values: Sequence[Value]) -> list[Value]:
        """The members' own of `values`, one a layer."""
        return [values[i] for i in self.members]

    def vector(self, values: Sequence[Tensor]) -> Tensor:
        """The members' own of `values`, [groups] a layer, as one."""
        return values[self.members[0]] if self.alone else torch.cat(self.own(values))

    def matrix(self, own: Sequence[Tensor]) -> Tensor:
        """One of `own`, a tensor like its weight matrix for each member."""
        if self.alone:
            return own[0]
        rows = [self.rows(value) for value in own]
        whole = rows[0].new_zeros(sum(map(len, rows)), max(row.shape[1] for row in rows))
        for part, row in _parts(whole, rows):
            part.copy_(row)
        return whole

    def put_back(self, matrix: Tensor, own: Sequence[Tensor]) -> None:
        """Copies what `matrix` returned to where it is from; that of a layer alone has not left it."""
        if not self.alone:
            for part, row in _parts(matrix, [self.rows(value) for value in own]):
                row.copy_(part)

    def rows(self, value: Tensor) -> Tensor:
        """A view of `value`, like a weight matrix, [groups, values]."""
        groups = as_groups(value, self.side)
        return groups if self.side == 1 else groups.T


def _parts(matrix: Tensor, rows: Sequence[Tensor]) -> Iterator[tuple[Tensor, Tensor]]:
    """The place of each of `rows` in a padded matrix, and the rows."""
    for part, row in zip(matrix.split([len(row) for row in rows]), rows, strict=True):
        yield part[:, : row.shape[1]], row


def batches(vectors: Sequence[Tensor], side: int) -> list[LayerBatch]:
    """Of layers on a GPU the small ones together, each other one alone; vectors: the weight matrix
    of each layer.
    """
    small = [i for i, weight in enumerate(vectors) if _small(weight)]
    alone = [LayerBatch((i,), side) for i, weight in enumerate(vectors) if not _small(weight)]
    return [*alone, LayerBatch(tuple(small), side)] if small else alone


def _small(weight: Tensor) -> bool:
    return weight.is_cuda and weight.numel() <= _SMALL


def of_layers(done: Iterable[tuple[LayerBatch, Tensor]], sizes: Sequence[int]) -> list[Tensor]:
    """What was had for batches, [groups of all its layers] each, as a tensor for each layer; sizes:
    groups of the layers.
    """
    parts = {
        i: part for batch, values in done for i, part in zip(batch.members, values.split(batch.own(sizes)), strict=True)
    }
    return [parts[i] for i in range(len(sizes))]


class Scratch:
    """Memory that steps write to; new memory would cost more than what is computed."""

    def __init__(self) -> None:
        self._kept: dict[torch.Size, list[Tensor]] = {}

    def like(self, matrix: Tensor) -> list[Tensor]:
        """Three tensors like `matrix`, the same ones for the next of its shape."""
        if matrix.shape not in self._kept:
            self._kept[matrix.shape] = [torch.empty_like(matrix) for _ in range(3)]
        return self._kept[matrix.shape]
