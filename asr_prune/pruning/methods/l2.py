"""L2 regularisation of all weights, cut by node norms: what the group lasso paper compares with (Ochiai et al.

2017, arXiv 1611.05527).
"""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from torch import Tensor

from asr_prune.options import options
from asr_prune.pruning.masks import weights_of
from asr_prune.pruning.method import Method
from asr_prune.pruning.options import PruneOptions


@options
class L2Options(PruneOptions):
    #: whose norms rank the nodes at the cut
    vectors: Literal["outgoing", "incoming"] = "outgoing"
    #: weight of the penalty lambda/2 * ||W||^2 when the nodes are asked for by keep
    penalty: float = 1e-4
    #: asked by strength: norms below this share of the layer's largest count as zero
    tolerance: float = 1e-2


class L2(Method):
    """`E = CE + lambda/2 * sum ||W||^2` in the press, as a term of the gradient; nodes are ranked by their raw norms.
    L2 has no zeros of its own: asked by `strength`, a tolerance says what counts as zero.
    """

    Options: ClassVar[type[PruneOptions]] = L2Options
    options: L2Options

    @property
    def folds(self) -> bool:
        return self.options.vectors == "incoming"

    @property
    def weights(self) -> list[Tensor]:
        """Every weight matrix once, input to output."""
        return weights_of(self.layers)

    def no_decay(self) -> list[Tensor]:
        return self.weights

    @torch.no_grad()
    def after_backward(self) -> None:
        strength = self.options.penalty if self.options.strength is None else self.options.strength
        gradients = [w.grad for w in self.weights if w.grad is not None]
        torch._foreach_add_(gradients, self.weights, alpha=strength)

    def alive(self) -> list[Tensor]:
        return [norms > self.options.tolerance * norms.max() for norms in self.scores()]

    def scores(self) -> list[Tensor]:
        return [layer.norms(self.options.vectors) for layer in self.layers]
