"""A penalty's strength steered to a count of nodes."""

from __future__ import annotations

import math
from typing import Any

#: a strength that has left more than UNMOVED of the mass at progress STILL_AT is far too small, and
#: may rise by the factor HASTE at each correction
STILL_AT, UNMOVED, HASTE = 0.125, 0.99, 2.5


class Steering:
    """Steers `strength`, the present lambda, so that a run ends with the requested number of nodes.

    It steers on the norm mass of the nodes that must go (those outside the `target` largest norms):
    the mass leads, whereas the count of dead nodes lags by hundreds of updates and would wind the
    strength up. The mass is to fall along a straight line to zero, which it reaches at progress
    `land`. Each correction multiplies the strength by how far the mass, extrapolated over
    `look_ahead`, is off that line: `gain` is the weight of that error, `most` the largest factor
    while the mass is moving. Progress is that of the sparsify phase, 0 to 1.
    """

    def __init__(self, land: float = 0.8, gain: float = 4.0, most: float = 1.3, look_ahead: float = 0.05) -> None:
        self.land, self.gain, self.most, self.look_ahead = land, gain, most, look_ahead
        self.strength = 0.0
        self.ceiling = math.inf
        self.mass_0 = 0.0
        self.before: tuple[float, float] | None = None

    def begin(self, strength: float, mass: float) -> None:
        """Sets the first strength, and the mass at which the line starts."""
        self.strength, self.mass_0 = strength, mass
        self.before = (0.0, 1.0)

    def wanted(self, progress: float) -> float:
        """The fraction of the first mass that should remain at `progress`."""
        return max(0.0, 1 - progress / self.land)

    def correct(self, progress: float, mass: float) -> None:
        """Multiplies the strength according to the extrapolated mass."""
        assert self.before is not None
        share = mass / max(self.mass_0, 1e-30)
        rate = (share - self.before[1]) / max(progress - self.before[0], 1e-9)
        self.before = (progress, share)
        ahead = max(0.0, share + rate * self.look_ahead)
        error = ahead - self.wanted(progress + self.look_ahead)
        least, most = -math.log(self.most), math.log(self.most)
        if progress > STILL_AT and share > UNMOVED:
            most = math.log(HASTE)
        factor = math.exp(max(least, min(most, self.gain * error)))
        self.strength = min(self.strength * factor, self.ceiling)

    def hold(self) -> None:
        """Keeps the strength from rising further (the guard on dev cross-entropy)."""
        self.ceiling = min(self.ceiling, self.strength)

    def free(self) -> None:
        """Lets the strength rise again."""
        self.ceiling = math.inf

    NAMES = ("strength", "ceiling", "mass_0")

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run needs."""
        state: dict[str, Any] = {name: getattr(self, name) for name in self.NAMES}
        return state | {"before": list(self.before) if self.before else None}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restores what `state_dict` returned."""
        for name in self.NAMES:
            setattr(self, name, state[name])
        self.before = (state["before"][0], state["before"][1]) if state["before"] else None
