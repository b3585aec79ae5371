"""Options of guided regularisation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar, Literal

from asr_prune.options import options
from asr_prune.pruning.acts import Rule, both, where, where_steered, where_unsteered
from asr_prune.pruning.lengths import Length
from asr_prune.pruning.options import PruneOptions
from asr_prune.pruning.proximal_options import ProximalOptions

#: norms that bring vectors to exactly zero
_ZEROS = where("norm", "group", "l1")


@options
class GuidedOptions(ProximalOptions):
    PANEL: ClassVar[int | None] = 3
    ZEROS: ClassVar[bool] = True
    ACTS: ClassVar[Mapping[str, Rule]] = {
        **ProximalOptions.ACTS,
        **dict.fromkeys(("spare", "guard"), both(_ZEROS, where_steered)),
        "patience": _ZEROS,
        "penalty": where_unsteered(where("norm", "l2")),
        "tolerance": where("norm", "l2"),
        "exponent": where("guide", "power"),
        "rate": where("guide", "exponential"),
        "step_at": where("guide", "step", "random_step"),
        "floor": both(ProximalOptions.ACTS["floor"], where("cut", "rank")),
    }
    #: the guide says from the first update which nodes are to go, so it may act early, and the
    #: others can be fine-tuned for long
    warm_up: Length = 0.1
    fine_tune: Length = 0.6
    #: r: sum of magnitudes (l1), sum of squares (l2), Euclidean norm (group)
    norm: Literal["l1", "l2", "group"] = "group"
    #: how the penalty grows with a node's index; step and random_step penalise some nodes alike and
    #: the others not
    guide: Literal["linear", "power", "exponential", "step", "random_step"] = "linear"
    #: guide power: the exponent p of (j/N)^p
    exponent: float = 2.0
    #: guide exponential: the a of exp(a j/N)
    rate: float = 4.0
    #: guides step and random_step: the fraction of each layer without a penalty; null: that which
    #: keep or budget leaves, or a half
    step_at: float | None = None
    #: rank keeps the highest scores, prefix the first nodes of each layer
    cut: Literal["rank", "prefix"] = "rank"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.exponent < 0 or self.rate < 0:
            raise ValueError("exponent and rate must be 0 or more: the penalty grows with the index")
        if self.step_at is not None and not 0 <= self.step_at < 1:
            raise ValueError(f"step_at must be at least 0 and below 1, not {self.step_at}")

    @property
    def spared(self) -> float:
        """The fraction of each layer that the guides step and random_step do not penalise."""
        share = self.step_at if self.step_at is not None else self.keep
        return 0.5 if share is None else share

    @property
    def ordered(self) -> bool:
        return self.guide != "random_step"

    def for_inputs(self) -> PruneOptions:
        """The places of coefficients in the input mean something, so all are penalised alike."""
        return replace(super().for_inputs(), guide="step", step_at=0.0, cut="rank")  # type: ignore[call-arg]
