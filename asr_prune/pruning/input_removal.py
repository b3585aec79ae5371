"""Permanently removed coefficients of the input during training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, optim

from asr_prune.acoustic.thin import select_all_inputs
from asr_prune.pruning.live_removal import LiveRemoval
from asr_prune.pruning.method import Method


class InputRemoval(LiveRemoval):
    """As `LiveRemoval`, for one layer that is the input: the network selects what remains, and its
    normalisation follows.
    """

    def __init__(self, method: Method, network: Any, optimiser: optim.Optimizer) -> None:
        super().__init__(method, network, optimiser)
        self.dense = network.shift.clone(), network.scale.clone()

    def _narrow(self, kept: Sequence[Tensor]) -> None:
        super()._narrow(kept)
        self.network.read_only(kept[0].nonzero().flatten())  # type: ignore[attr-defined]

    def widen(self, copy: Any) -> None:
        """Gives a copy of the network its whole input again, in place; removed columns are zero."""
        select_all_inputs(copy, *self.dense)
