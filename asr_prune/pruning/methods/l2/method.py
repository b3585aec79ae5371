"""L2 regularisation of all weights, cut by node norms: what the group lasso paper compares with
(Ochiai et al. 2017, arXiv 1611.05527).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from asr_prune.acoustic.node_layer import NodeLayer
from asr_prune.pruning.method import Method
from asr_prune.pruning.methods.l2.options import L2Options
from asr_prune.pruning.nodes import Nodes
from asr_prune.pruning.parts import Penalty
from asr_prune.pruning.scores import NormScore


class L2(Method):
    """`E = CE + lambda/2 * sum ||W||^2` in the sparsify phase; nodes are ranked by their norms.

    L2 brings no weight to zero: with `strength`, a tolerance decides what counts as zero.
    """

    def __init__(self, options: L2Options, layers: Sequence[NodeLayer]) -> None:
        super().__init__(options, layers)
        self.score = NormScore(self.nodes, options.vectors, options.tolerance)
        self.penalty = L2Penalty(options, self.nodes)


class L2Penalty(Penalty):
    """A term of the gradient."""

    def __init__(self, options: L2Options, nodes: Nodes) -> None:
        self.nodes = nodes
        self.strength = options.penalty if options.strength is None else options.strength

    @property
    def raises_dev(self) -> bool:
        return True

    def no_decay(self) -> list[Tensor]:
        return self.nodes.weights()

    @torch.no_grad()
    def after_backward(self) -> None:
        pairs = [(w.grad, w) for w in self.nodes.weights() if w.grad is not None]
        if not pairs:
            return  # only gates, which are no weights
        torch._foreach_add_([g for g, _ in pairs], [w for _, w in pairs], alpha=self.strength)
