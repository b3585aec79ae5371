"""The phases of a pruning run: warm_up, press, release, all within the epochs of the dense run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Phase = Literal["warm_up", "press", "release"]


@dataclass(frozen=True)
class Plan:
    """Updates are counted from 1.

    The method acts on updates press_from < step <= cut_at; the cut follows update cut_at.
    """

    steps: int
    press_from: int
    cut_at: int

    @classmethod
    def of(cls, steps: int, warm_up: float, release: float) -> Plan:
        """Splits `steps` updates by the two fractions; the press has at least one."""
        press_from = min(round(warm_up * steps), steps - 1)
        return cls(steps, press_from, max(press_from + 1, steps - round(release * steps)))

    def progress(self, step: int) -> float:
        """How far the press has come after update `step`, 0 to 1."""
        return min(1.0, max(0.0, (step - self.press_from) / (self.cut_at - self.press_from)))
