"""Group lasso node selection (Ochiai, Matsuda, Watanabe and Katagiri 2017, "Automatic node
selection for deep neural networks using group lasso regularization", arXiv 1611.05527).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from asr_prune.acoustic.node_layer import NodeLayer
from asr_prune.pruning.batches import as_groups
from asr_prune.pruning.method import Method
from asr_prune.pruning.methods.group_lasso.joint import JointPenalty, JointScore
from asr_prune.pruning.methods.group_lasso.options import GroupLassoOptions
from asr_prune.pruning.methods.group_lasso.weighted import WeightedPenalty, group_scales
from asr_prune.pruning.nodes import Nodes
from asr_prune.pruning.parts import Penalty
from asr_prune.pruning.scores import PenalisedScore


class GroupLasso(Method):
    """`E = CE + lambda * sum_l sum_j ||v_lj||_2` over all hidden nodes; biases are in no group.

    The proximal solver shrinks every group after the update by the prox that belongs to the
    optimiser's metric, so that groups become exactly zero. With `keep` it steers lambda.
    """

    def __init__(self, options: GroupLassoOptions, layers: Sequence[NodeLayer]) -> None:
        super().__init__(options, layers)
        if options.solver == "subgradient":
            self.score = PenalisedScore(self.nodes, options.vectors, options.tolerance)
            self.penalty = SubgradientPenalty(options, self.nodes)
            return
        joint = options.vectors == "both"
        self.score = JointScore(self.nodes, "both") if joint else PenalisedScore(self.nodes, options.vectors)
        self.penalty = (JointPenalty if joint else WeightedPenalty)(options, self.nodes, self.score)


class SubgradientPenalty(Penalty):
    """The penalty as a term of the loss; it does not reach zeros, and lambda is not steered."""

    def __init__(self, options: GroupLassoOptions, nodes: Nodes) -> None:
        self.options, self.nodes = options, nodes
        self.strength = options.penalty if options.strength is None else options.strength
        self.dim = 0 if options.vectors == "outgoing" else 1
        self.scales = group_scales(options, nodes)

    @property
    def raises_dev(self) -> bool:
        return True

    def no_decay(self) -> list[Tensor]:
        return self.nodes.vectors(self.options.vectors)

    def term(self) -> Tensor:
        pairs = zip(self.nodes.vectors(self.options.vectors), self.scales, strict=True)
        terms = ((scale * safe_norm(weight, self.dim)).sum() for weight, scale in pairs)
        return self.strength * sum(terms, torch.zeros(()))

    def end_of_epoch(self, dev_cross_entropy: float, sparsifying: bool) -> dict[str, Any]:
        return {"strength": self.strength}


def safe_norm(weight: Tensor, dim: int) -> Tensor:
    """Euclidean norms whose gradient at 0 is 0, the subgradient that leaves a zero group at zero;
    [groups].
    """
    squares = as_groups(weight, dim).square().sum(dim)
    return torch.where(squares > 0, squares, 1.0).sqrt() * (squares > 0)
