"""What every method's `prune:` block may hold; a method's own options class adds to it."""

from __future__ import annotations

from typing import ClassVar, Literal

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
    #: take nodes that are gone for good out of the arithmetic while training; false keeps them as zeros till the end
    live_shrink: bool = True
    #: no layer falls below this many nodes
    min_nodes: int = 8
    #: nor, where nodes are asked for by keep, below this share of what it would have if every layer kept as many
    floor: float = 0.8

    @property
    def sparsity_asked(self) -> float | None:
        """The share of the weights that is to be zero, where weights are asked for."""
        return None

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


@options
class SparseOptions(PruneOptions):
    """Of methods that act on single weights or on nodes all through the run, in phases of their own."""

    USUAL: ClassVar[float] = 0.3
    #: what is masked: single weights, asked for by sparsity, or the outgoing vectors of nodes, asked for by keep
    granularity: Literal["weight", "node"] = "weight"
    #: granularity weight: share of the weights that are masked; null: the method's default
    sparsity: float | None = None
    #: of no use here
    warm_up: float = 0.0
    #: of no use here
    release: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.strength is not None:
            raise ValueError(f"{self.method} has no strength; give sparsity, or keep with granularity node")
        if self.granularity == "weight" and self.keep is not None:
            raise ValueError(
                "keep counts nodes; with granularity weight give sparsity instead, or set granularity node"
            )
        if self.granularity == "node" and self.sparsity is not None:
            raise ValueError("sparsity counts weights; with granularity node give keep instead")
        if self.sparsity is not None and not 0 <= self.sparsity < 1:
            raise ValueError(f"sparsity must be at least 0 and below 1, not {self.sparsity}")
        if self.warm_up or self.release:
            raise ValueError(f"{self.method} has phases of its own; leave warm_up and release at 0")

    @property
    def sparsity_asked(self) -> float | None:
        return self.masked if self.granularity == "weight" else None

    @property
    def masked(self) -> float:
        """The share, of weights or of nodes, that is masked in the end."""
        if self.granularity == "node" and self.keep is not None:
            return 1 - self.keep
        return self.USUAL if self.sparsity is None else self.sparsity
