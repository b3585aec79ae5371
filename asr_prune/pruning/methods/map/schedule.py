"""When map explores and exploits, and how much it masks."""

from __future__ import annotations

from asr_prune.pruning.schedule import Phases, WholeRunSchedule, cubic


class MapSchedule(WholeRunSchedule):
    """Dense up to update `first`, exploration up to `switch_at`, then exploitation.

    begin, switch: both as fractions of the updates; asked: the final sparsity.
    """

    def __init__(self, begin: float, switch: float, asked: float) -> None:
        super().__init__()
        self.begin, self.switch, self.asked = begin, switch, asked
        self.first, self.switch_at = 0, 1

    def start(self, phases: Phases) -> None:
        self.switch_at = max(1, round(self.switch * phases.steps))
        self.first = min(round(self.begin * phases.steps), self.switch_at - 1)

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
