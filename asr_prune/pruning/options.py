"""What every method's `prune:` block may hold; a method's own options class adds to it."""

from __future__ import annotations

from asr_prune.options import options


@options
class PruneOptions:
    #: the method's name: a file in asr_prune/pruning/methods
    method: str = "none"
    #: fraction of the hidden nodes that the run must end with
    keep: float | None = None
    #: the penalty's weight, the papers' way of asking; what survives, survives
    strength: float | None = None
    #: fraction of the updates before the method acts
    warm_up: float = 0.2
    #: fraction of the updates after the cut, in which the survivors train on without the penalty
    release: float = 0.5
    #: no layer falls below this many nodes
    min_nodes: int = 8
    #: nor, where nodes are asked for by keep, below this share of what it would have if every layer kept as many
    floor: float = 0.8

    def __post_init__(self) -> None:
        if self.keep is not None and self.strength is not None:
            raise ValueError("give keep or strength, not both")
        if self.keep is not None and not 0 < self.keep <= 1:
            raise ValueError(f"keep must be above 0 and at most 1, not {self.keep}")
        if self.strength is not None and self.strength < 0:
            raise ValueError(f"strength must be 0 or more, not {self.strength}")
        if min(self.warm_up, self.release) < 0 or self.warm_up + self.release >= 1:
            raise ValueError("warm_up and release must be 0 or more and together below 1")
        if not 0 <= self.floor <= 1:
            raise ValueError(f"floor must be from 0 to 1, not {self.floor}")
        if self.min_nodes < 1:
            raise ValueError(f"min_nodes must be 1 or more, not {self.min_nodes}")
