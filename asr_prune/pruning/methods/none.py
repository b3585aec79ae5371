"""No pruning: the dense network that everything is measured against."""

from __future__ import annotations

from torch import Tensor

from asr_prune.pruning.method import Method


class NoPruning(Method):
    """Keeps every node."""

    @property
    def penalises(self) -> bool:
        return False

    def finish(self) -> list[Tensor]:
        return self.every_node()

    def scores(self) -> list[Tensor]:
        return [layer.norms("outgoing") for layer in self.layers]
