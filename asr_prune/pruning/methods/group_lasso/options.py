"""Options of the group lasso."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from asr_prune.options import options
from asr_prune.pruning.acts import Inert, Rule, both, where, where_steered, where_unsteered
from asr_prune.pruning.lengths import Length
from asr_prune.pruning.proximal_options import ProximalOptions

_WEIGHTED = where("weights", "norm", "taylor", "fisher")


def _of_losses(options: Any) -> Inert | None:
    ranked = options.rank != "norm" and where_steered(options) is None
    if ranked or options.weights in ("taylor", "fisher"):
        return None
    return Inert("neither rank nor weights is of the loss", "set one of them to taylor or fisher")


@options
class GroupLassoOptions(ProximalOptions):
    JOINT: ClassVar[bool] = True
    ACTS: ClassVar[Mapping[str, Rule]] = {
        **ProximalOptions.ACTS,
        **dict.fromkeys(("every", "steer_every", "patience"), where("solver", "proximal")),
        **dict.fromkeys(("spare", "guard"), both(where("solver", "proximal"), where_steered)),
        "penalty": where_unsteered(where("solver", "subgradient")),
        "tolerance": where("solver", "subgradient"),
        "rank": where_steered,
        "gamma": _WEIGHTED,
        "reweight": _WEIGHTED,
        "window": _of_losses,
    }
    ELSEWHERE: ClassVar[dict[str, Any]] = {"vectors": "outgoing"}
    #: see ProximalOptions; outgoing where the network is no plain ReLU network
    vectors: Literal["outgoing", "incoming", "both"] = "incoming"
    #: longest time in which the penalty acts, a fraction of the updates or a length such as 2
    #: epochs or 500 updates; null: all that warm_up and fine_tune leave
    press: Length | None = "2500 updates"
    #: proximal reaches exact zeros; subgradient adds the term to the loss, and nodes are cut by
    #: rank or tolerance
    solver: Literal["proximal", "subgradient"] = "proximal"
    #: sqrt_size multiplies each group's penalty by the square root of its length
    group_scale: Literal["none", "sqrt_size"] = "none"
    #: with keep: by what the nodes that will be kept are foreseen: their norms, or what they are
    #: worth to the loss (taylor, fisher)
    rank: Literal["norm", "taylor", "fisher"] = "norm"
    #: by what a node's penalty is divided: nothing (equal), its norm (adaptive group lasso), or
    #: what it is worth to the loss
    weights: Literal["equal", "norm", "taylor", "fisher"] = "equal"
    #: the power of that divisor
    gamma: float = 1.0
    #: whether weights are taken anew at each correction of lambda, not once after the warm-up
    reweight: bool = False
    #: rank and weights taylor, fisher: updates over which slopes of the loss are averaged
    window: int = 200

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.gamma < 0 or self.window < 1:
            raise ValueError("gamma must be 0 or more, window 1 or more")
        if self.solver == "subgradient" and (self.vectors == "both" or (self.rank, self.weights) != ("norm", "equal")):
            raise ValueError(
                "solver must be proximal for vectors both, and for rank and weights other than the defaults"
            )
