"""When map explores and exploits, and how much it masks."""

from __future__ import annotations

from asr_prune.errors import UserError
from asr_prune.pruning.lengths import Length, updates_in
from asr_prune.pruning.schedule import Phases, WholeRunSchedule, cubic


class MapSchedule(WholeRunSchedule):
    """Dense up to update `first`, exploration up to `switch_at`, then exploitation.

    begin, switch: both counted from the first update; asked: the final sparsity.
    """

    def __init__(self, begin: Length, switch: Length, asked: float) -> None:
        super().__init__()
        self.begin, self.switch, self.asked = begin, switch, asked
        self.first, self.switch_at = 0, 1

    def start(self, phases: Phases) -> None:
        """Raises UserError if counted lengths do not fit into the run."""
        steps = phases.steps
        self.switch_at = max(1, updates_in("switch", self.switch, steps, self.epochs))
        first = updates_in("start", self.begin, steps, self.epochs)
        counted = isinstance(self.begin, str) or isinstance(self.switch, str)
        if counted and not first < self.switch_at <= steps:
            raise UserError(
                f"the run has {steps} updates, and map masks from update {first} (prune.start) to "
                f"{self.switch_at} (prune.switch); make them shorter or raise train.epochs."
            )
        self.first = min(first, self.switch_at - 1)

    def phase(self, step: int) -> str:
        if step < self.first:
            return "dense"
        return "exploration" if step < self.switch_at else "exploitation"

    def progress(self, done: int) -> float:
        """Completed fraction of the exploration after `done` updates, 0 to 1."""
        return min(1.0, max(0.0, (done - self.first) / (self.switch_at - self.first)))

    def sparsity(self, done: int) -> float:
        """The masked fraction after `done` updates: cubic up to the switch."""
        return self.asked * (1 - cubic(1.0, 0.0, self.progress(done)))
