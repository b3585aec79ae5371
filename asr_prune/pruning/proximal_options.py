"""Options of methods that penalise the vectors of nodes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from asr_prune.options import options
from asr_prune.pruning.acts import Rule, where_steered
from asr_prune.pruning.options import PruneOptions


@options
class ProximalOptions(PruneOptions):
    """Of methods that penalise the vectors of nodes, see pruning/proximal.py."""

    #: whether the method can penalise both vectors of a node together
    JOINT: ClassVar[bool] = False
    STEERS: ClassVar[bool] = True
    ACTS: ClassVar[Mapping[str, Rule]] = {
        **PruneOptions.ACTS,
        "spare": where_steered,
        "guard": where_steered,
    }
    #: which vector of each node is penalised: its outgoing or its incoming weights, or (group_lasso
    #: only) both together
    vectors: Literal["outgoing", "incoming", "both"] = "outgoing"
    #: lambda, if keep is given and the method cannot steer lambda
    penalty: float = 1e-3
    #: a vector that has been zero for this many updates stays zero
    patience: int = 100
    #: updates between two proximal steps; each step is as strong as that many updates
    every: int = 8
    #: updates between two corrections of a steered lambda
    steer_every: int = 24
    #: fraction of the sparsify phase over which the penalty of nodes that will be kept fades out;
    #: null: no fading
    spare: float | None = 0.5
    #: lambda stops rising while dev cross-entropy is above this multiple of its value before the
    #: sparsify phase
    guard: float = 1.5
    #: with strength and no exact zeros: norms below this fraction of the layer's largest count as
    #: zero
    tolerance: float = 1e-3

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.vectors == "both" and not self.JOINT:
            raise ValueError(f"vectors must be outgoing or incoming: {self.method} penalises one vector of a node")
        if min(self.patience, self.every, self.steer_every) < 1:
            raise ValueError("patience, every and steer_every must be 1 or more")
        if self.spare is not None and not 0 <= self.spare <= 1:
            raise ValueError(f"spare must be from 0 to 1, or null, not {self.spare}")
        if self.tolerance < 0 or self.penalty < 0 or self.guard < 1:
            raise ValueError("tolerance and penalty must be 0 or more, guard 1 or more")
