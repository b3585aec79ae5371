"""The cut of a run: which nodes go, and what that costs."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

#: the largest fraction of the norm mass that the cut of a converged steered run removes
SMALL_CUT = 0.05
#: by how much it raises the dev cross-entropy at most, as a fraction of that before
CHEAP_CUT = 0.1


@dataclass
class Cut:
    """The cut of a run.

    step: the update that it followed; kept, alive: boolean [nodes] a layer; scores: the importance
    of each node before it, float [nodes] a layer; cross-entropies on dev, nats per frame.
    """

    step: int
    kept: list[Tensor]
    alive: list[Tensor]
    scores: list[Tensor]
    dev_ce_before: float
    dev_ce_after: float

    @property
    def norm_mass_removed(self) -> float:
        """The removed nodes' fraction of the summed scores."""
        total = sum(float(s.sum()) for s in self.scores)
        gone = sum(float(s[~k].sum()) for s, k in zip(self.scores, self.kept, strict=True))
        return gone / max(total, 1e-30)

    @property
    def price(self) -> float:
        """By how much it raised the dev cross-entropy, as a fraction of that before."""
        return (self.dev_ce_after - self.dev_ce_before) / max(self.dev_ce_before, 1e-30)

    @property
    def nodes(self) -> list[int]:
        """Kept nodes of each layer."""
        return [int(k.sum()) for k in self.kept]
