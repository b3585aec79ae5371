"""When a method acts: the phases of a run (warm_up, sparsify, fine_tune) within the epochs of the
dense run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Phase = Literal["warm_up", "sparsify", "fine_tune"]


@dataclass(frozen=True)
class Phases:
    """Updates are counted from 1.

    The method acts on updates sparsify_from < step <= cut_at; the cut follows update cut_at.
    """

    steps: int
    sparsify_from: int
    cut_at: int

    @classmethod
    def of(cls, steps: int, warm_up: float, fine_tune: float) -> Phases:
        """Splits `steps` updates by the two fractions; the sparsify phase has at least one."""
        sparsify_from = min(round(warm_up * steps), steps - 1)
        return cls(steps, sparsify_from, max(sparsify_from + 1, steps - round(fine_tune * steps)))

    def progress(self, step: int) -> float:
        """Completed fraction of the sparsify phase after update `step`, 0 to 1."""
        return min(1.0, max(0.0, (step - self.sparsify_from) / (self.cut_at - self.sparsify_from)))


def cubic(start: float, end: float, progress: float) -> float:
    """`end + (start - end) * (1 - progress)^3`: fast at first, slow at the end.

    The sparsity schedule of Zhu and Gupta 2017 (arXiv 1710.01878, equation 1). progress: 0 to 1.
    """
    return end + (start - end) * (1 - progress) ** 3


class Schedule:
    """Warm-up, sparsify phase and fine-tuning by fractions of the updates, under one learning-rate
    schedule.
    """

    def __init__(self, warm_up: float, fine_tune: float) -> None:
        self.warm_up, self.fine_tune = warm_up, fine_tune

    def phases_of(self, steps: int) -> Phases:
        """The phases of a run of `steps` updates."""
        return Phases.of(steps, self.warm_up, self.fine_tune)

    def parts(self, steps: int) -> list[tuple[int, float]]:
        """The run in parts, each with its own learning-rate schedule: (updates, factor on the
        learning rate).
        """
        return [(steps, 1.0)]

    def start(self, phases: Phases) -> None:
        """Called before the first update."""

    def phase(self, step: int) -> str | None:
        """The method's own name of the phase after update `step`; None: warm_up, sparsify or
        fine_tune.
        """
        return None

    def snapshot(self, step: int) -> str | None:
        """The name model/<name>.pt under which the network after update `step` is saved too; None:
        not saved.
        """
        return None


class WholeRunSchedule(Schedule):
    """The method acts on every update, in phases of its own."""

    def __init__(self) -> None:
        super().__init__(0.0, 0.0)

    def phases_of(self, steps: int) -> Phases:
        return Phases(steps, 0, steps)
