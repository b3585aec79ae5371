"""When a method acts: the phases of a run (warm_up, sparsify, fine_tune) within the epochs of the
dense run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from asr_prune.errors import UserError
from asr_prune.pruning.lengths import Length, updates_in

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
    def of(
        cls,
        steps: int,
        warm_up: Length,
        fine_tune: Length,
        press: Length | None = None,
        epochs: int | None = None,
    ) -> Phases:
        """Splits `steps` updates of `epochs` epochs: warm-up first, fine-tuning last, and between
        them the sparsify phase of at most `press`; what that leaves goes to the fine-tuning. The
        sparsify phase has at least one update.

        Raises UserError if counted lengths leave it none; ValueError if one is in epochs and
        `epochs` is None.
        """
        first = updates_in("warm_up", warm_up, steps, epochs)
        last = updates_in("fine_tune", fine_tune, steps, epochs)
        most = steps if press is None else updates_in("press", press, steps, epochs)
        if first + last >= steps and (isinstance(warm_up, str) or isinstance(fine_tune, str)):
            raise UserError(
                f"the run has {steps} updates, of which prune.warm_up takes {first} and prune.fine_tune {last}, "
                "so that none is left for the method; make them shorter or raise train.epochs."
            )
        sparsify_from = min(first, steps - 1)
        return cls(steps, sparsify_from, max(sparsify_from + 1, min(sparsify_from + most, steps - last)))

    def progress(self, step: int) -> float:
        """Completed fraction of the sparsify phase after update `step`, 0 to 1."""
        return min(1.0, max(0.0, (step - self.sparsify_from) / (self.cut_at - self.sparsify_from)))


def cubic(start: float, end: float, progress: float) -> float:
    """`end + (start - end) * (1 - progress)^3`: fast at first, slow at the end.

    The sparsity schedule of Zhu and Gupta 2017 (arXiv 1710.01878, equation 1). progress: 0 to 1.
    """
    return end + (start - end) * (1 - progress) ** 3


class Schedule:
    """Warm-up, sparsify phase and fine-tuning of given lengths, under one learning-rate schedule,
    or with a second one from the planned end of the sparsify phase on.

    release_rate: factor on the learning rate of that second schedule; None: there is none.
    epochs: of the run, None if unknown; set before `phases_of`.
    """

    def __init__(
        self,
        warm_up: Length,
        fine_tune: Length,
        press: Length | None = None,
        release_rate: float | None = None,
    ) -> None:
        self.warm_up, self.fine_tune, self.press = warm_up, fine_tune, press
        self.release_rate = release_rate
        self.epochs: int | None = None

    def phases_of(self, steps: int) -> Phases:
        """The phases of a run of `steps` updates."""
        return Phases.of(steps, self.warm_up, self.fine_tune, self.press, self.epochs)

    def parts(self, steps: int) -> list[tuple[int, float]]:
        """The run in parts, each with its own learning-rate schedule: (updates, factor on the
        learning rate). They are told before the first update, so that a cut that comes early moves
        neither.
        """
        cut_at = self.phases_of(steps).cut_at
        if self.release_rate is None or cut_at == steps:
            return [(steps, 1.0)]
        return [(cut_at, 1.0), (steps - cut_at, self.release_rate)]

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
