"""Weights that are held at zero by masks."""

from __future__ import annotations

import torch
from torch import Tensor

from asr_prune.pruning.parts import ActingWeights


class Masks(ActingWeights):
    """Masked weights are zero and get no gradient.

    masks: float, broadcast over `maskable`; empty while nothing is masked.
    """

    def __init__(self) -> None:
        self.masks: list[Tensor] = []

    @property
    def maskable(self) -> list[Tensor]:
        """The weight matrices that are masked."""
        raise NotImplementedError

    @torch.no_grad()
    def after_backward(self) -> None:
        for weight, mask in zip(self.maskable, self.masks, strict=False):
            if weight.grad is not None:
                weight.grad.mul_(mask)

    @torch.no_grad()
    def apply(self) -> None:
        """Sets masked weights to zero."""
        for weight, mask in zip(self.maskable, self.masks, strict=False):
            weight.mul_(mask)
