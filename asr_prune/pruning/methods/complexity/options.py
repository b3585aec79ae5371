"""Options of complexity-aware pruning by gates."""

from __future__ import annotations

from typing import ClassVar, Literal

from asr_prune.options import options
from asr_prune.pruning.options import PruneOptions


@options
class ComplexityOptions(PruneOptions):
    STEERS: ClassVar[bool] = True
    #: layers against nodes, 0 to 1: the price of a layer's gate is multiplied by 2 mu, of a node's
    #: gate by 2 (1 - mu)
    mu: float = 0.5
    #: what the cost counts, 0 to 1: 1 multiply-adds, 0 parameters
    rho: float = 0.5
    #: theta of every gate at the start of the sparsify phase
    theta: float = 1.0
    #: estimate of CE(1) - CE(0) from derivatives at the sampled gate: first order, or with the
    #: second
    estimate: Literal["first", "second"] = "second"
    #: learning rate of theta, to be multiplied by the number of hidden nodes
    rate: float = 0.05
    #: a gate whose theta stays at or below this for `patience` updates is permanently off
    tolerance: float = 0.01
    #: updates, see tolerance
    patience: int = 50
    #: updates between two corrections of a steered nu
    steer_every: int = 8

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (0 <= self.mu <= 1 and 0 <= self.rho <= 1):
            raise ValueError("mu and rho must be from 0 to 1")
        if not 0 < self.theta <= 1 or not 0 <= self.tolerance < 1:
            raise ValueError("theta must be above 0 and at most 1, tolerance at least 0 and below 1")
        if self.rate <= 0 or min(self.patience, self.steer_every) < 1:
            raise ValueError("rate must be above 0, patience and steer_every 1 or more")
