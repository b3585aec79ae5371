"""Group lasso node selection (Ochiai, Matsuda, Watanabe and Katagiri 2017, "Automatic node selection for deep neural
networks using group lasso regularization", arXiv 1611.05527).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import torch
from torch import Tensor

from asr_prune.acoustic.network import NodeLayer
from asr_prune.options import options
from asr_prune.pruning.options import PruneOptions
from asr_prune.pruning.prox import grouped
from asr_prune.pruning.proximal import Proximal, ProximalOptions


@options
class GroupLassoOptions(ProximalOptions):
    #: proximal reaches exact zeros; subgradient adds the term to the loss and is cut by rank or tolerance
    solver: Literal["proximal", "subgradient"] = "proximal"
    #: sqrt_size multiplies each group's penalty by the square root of its length
    group_scale: Literal["none", "sqrt_size"] = "none"


class GroupLasso(Proximal):
    """`E = CE + lambda * sum_l sum_j ||v_lj||_2` over all hidden nodes; biases are in no group.

    The proximal solver shrinks every group after the update by the prox that belongs to the optimiser's metric, so that
    groups reach exact zero. Asked by `keep` it steers lambda.
    """

    Options: ClassVar[type[PruneOptions]] = GroupLassoOptions
    options: GroupLassoOptions

    def __init__(self, options: GroupLassoOptions, layers: Sequence[NodeLayer]) -> None:
        super().__init__(options, layers)
        if options.group_scale == "sqrt_size":
            self.pulls = [
                p * grouped(w, self.dim).shape[self.dim] ** 0.5 for p, w in zip(self.pulls, self.weights, strict=True)
            ]

    @property
    def has_zeros(self) -> bool:
        return self.options.solver == "proximal"

    def penalty(self) -> Tensor | None:
        if self.options.solver == "proximal":
            return None
        terms = ((p * safe_norm(w, self.dim)).sum() for w, p in zip(self.weights, self.pulls, strict=True))
        return self.strength * sum(terms, torch.zeros(()))

    def after_step(self, step: int) -> None:
        if self.options.solver == "proximal":
            super().after_step(step)


def safe_norm(weight: Tensor, dim: int) -> Tensor:
    """Euclidean norms whose gradient at 0 is 0, the subgradient that keeps a zero group at rest; [groups]."""
    squares = grouped(weight, dim).square().sum(dim)
    return torch.where(squares > 0, squares, 1.0).sqrt() * (squares > 0)
