"""Steering a regulariser's strength so that a run ends with an asked number of nodes.

What is steered on is the norm mass of the nodes that must go (those outside the `target` largest norms): it leads,
where a count of dead nodes lags by hundreds of updates and winds the strength up. The mass is to fall along a straight
line from the start of the press to zero, some way before the cut; the strength is multiplied up or down by how far the
mass, extrapolated by its present rate, will be from that line.
"""

from __future__ import annotations

import math
from typing import Any


class Steering:
    """strength: the present lambda. Fed with the mass at regular progress, 0 to 1, of the press.

    land: progress at which the mass should have reached zero; gain: how hard an error of the whole mass acts; most:
    largest factor of one correction.
    """

    def __init__(self, land: float = 0.8, gain: float = 4.0, most: float = 1.3, look_ahead: float = 0.05) -> None:
        self.land, self.gain, self.most, self.look_ahead = land, gain, most, look_ahead
        self.strength = 0.0
        self.ceiling = math.inf
        self.mass_0 = 0.0
        self.before: tuple[float, float] | None = None

    def begin(self, strength: float, mass: float) -> None:
        """First strength, and the mass from which the line starts."""
        self.strength, self.mass_0 = strength, mass
        self.before = (0.0, 1.0)

    def wanted(self, progress: float) -> float:
        """Share of the first mass that should be left at `progress`."""
        return max(0.0, 1 - progress / self.land)

    def correct(self, progress: float, mass: float) -> None:
        """Multiplies the strength by what the mass, looked ahead, says."""
        assert self.before is not None
        share = mass / max(self.mass_0, 1e-30)
        rate = (share - self.before[1]) / max(progress - self.before[0], 1e-9)
        self.before = (progress, share)
        ahead = max(0.0, share + rate * self.look_ahead)
        error = ahead - self.wanted(progress + self.look_ahead)
        factor = math.exp(max(-math.log(self.most), min(math.log(self.most), self.gain * error)))
        self.strength = min(self.strength * factor, self.ceiling)

    def hold(self) -> None:
        """Lets the strength rise no further (the guard on dev cross-entropy)."""
        self.ceiling = min(self.ceiling, self.strength)

    def free(self) -> None:
        """Takes the guard's hold back."""
        self.ceiling = math.inf

    def state_dict(self) -> dict[str, Any]:
        return {
            "strength": self.strength,
            "ceiling": self.ceiling,
            "mass_0": self.mass_0,
            "before": list(self.before) if self.before else None,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.strength, self.ceiling, self.mass_0 = state["strength"], state["ceiling"], state["mass_0"]
        self.before = (state["before"][0], state["before"][1]) if state["before"] else None
