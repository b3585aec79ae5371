"""Options of magnitude attention, and how its log reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, NamedTuple

from asr_prune.options import options
from asr_prune.pruning.acts import Rule, never
from asr_prune.pruning.audit_table import AuditTable
from asr_prune.pruning.lengths import Length, check_length, epochs_of, is_nothing
from asr_prune.pruning.weight_options import SparseOptions

_HEADER = f"{'update':>7s}  {'phase':12s}  {'sparsity':>8s}  {'asked':>6s}  regrown  dropped  attention by layer"


def _line(row: Mapping[str, Any]) -> str:
    attention = " ".join(f"{value:.3f}" for value in row["mean_attention"])
    return (
        f"{row['update']:7d}  {row['phase']:12s}  {row['sparsity_reached']:8.4f}  {row['sparsity_asked']:6.4f}"
        f"  {sum(row['regrown']):7d}  {sum(row['dropped']):7d}  {attention}"
    )


#: by default, of nodes
KEEP = 0.2


class Plan(NamedTuple):
    """What null stands for in the options of the same names."""

    start: Length
    switch: Length
    beta: float
    exploitation: str


_PLANS = {"weight": Plan(0.0, 0.75, 1.0, "attention"), "node": Plan(0.1, 0.2, 3.0, "plain")}


@options
class MapOptions(SparseOptions):
    DEFAULT_SPARSITY: ClassVar[float] = 0.8
    ACTS: ClassVar[Mapping[str, Rule]] = {
        **SparseOptions.ACTS,
        "live_shrink": never("map masks to the end"),
    }
    LENGTHS: ClassVar[tuple[str, ...]] = ("start", "switch")
    AUDIT: ClassVar[AuditTable | None] = AuditTable("attention.jsonl", _HEADER, _line)
    #: exponent of the attention: 0 is none; the larger, the more it falls on the largest alone;
    #: null: 1 for weights, 3 for nodes
    beta: float | None = None
    #: updates between two refreshes of mask and attention
    every: int = 16
    #: before the first mask training is dense: fraction of the updates, or a length such as 2
    #: epochs or 500 updates; null: 0 for weights, 0.1 for nodes
    start: Length | None = None
    #: when the mask is fixed, counted from the first update: fraction or length; null: 0.75 for
    #: weights, 0.2 for nodes
    switch: Length | None = None
    #: updates of survivors once the mask is fixed, attention: scaled by it; plain: as they are;
    #: null: attention for weights, plain for nodes
    exploitation: Literal["attention", "plain"] | None = None
    #: global: all layers are ranked together; layer: each layer keeps the same fraction
    threshold: Literal["global", "layer"] = "global"
    #: where the largest magnitude has attention 1: in each layer, or in the whole network
    scale: Literal["layer", "global"] = "layer"

    @classmethod
    def usual(cls, asked: Mapping[str, Any], plain_relu: bool = True) -> dict[str, Any]:
        """`keep` is asked for, so that `floor` and `min_nodes` are of it."""
        asks = any(asked.get(key) is not None for key in ("keep", "budget"))
        keep = {} if asks or asked.get("granularity") != "node" else {"keep": KEEP}
        return super().usual(asked, plain_relu) | keep

    def __post_init__(self) -> None:
        super().__post_init__()
        start, switch, beta, _ = self.plan
        if beta < 0 or self.every < 1 or (not isinstance(switch, str) and not 0 < switch <= 1):
            raise ValueError("beta must be 0 or more, every 1 or more, switch above 0 and at most 1")
        if isinstance(start, str) or isinstance(switch, str):
            self._check_lengths(start, switch)
        elif not 0 <= start < switch:
            raise ValueError(f"start must be at least 0 and below switch ({switch:g}), not {start:g}")

    def _check_lengths(self, start: Length, switch: Length) -> None:
        check_length("start", start)
        if switch != 1:
            check_length("switch", switch)
        if is_nothing(switch):
            raise ValueError(f"switch {switch} fixes the mask before any update; give it more")

    def check_epochs(self, epochs: int, counted: bool = True) -> None:
        super().check_epochs(epochs, counted)
        if not counted:
            return
        start, switch = (epochs_of(length, epochs) for length in self.plan[:2])
        if switch > epochs:
            raise ValueError(f"switch {self.plan.switch} is after the {epochs} epochs of the run")
        if start >= (switch or epochs):
            raise ValueError(f"start {self.plan.start} must be before switch {self.plan.switch}")

    @property
    def plan(self) -> Plan:
        """The values that act: those given, else what the trials found best for the granularity."""
        given = {key: getattr(self, key) for key in Plan._fields}
        return _PLANS[self.granularity]._replace(**{key: x for key, x in given.items() if x is not None})
