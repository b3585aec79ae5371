"""Options of magnitude attention, and how its log reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from asr_prune.options import options
from asr_prune.pruning.audit_table import AuditTable
from asr_prune.pruning.options import SparseOptions

_HEADER = f"{'update':>7s}  {'phase':12s}  {'sparsity':>8s}  {'asked':>6s}  regrown  dropped  attention by layer"


def _line(row: Mapping[str, Any]) -> str:
    attention = " ".join(f"{value:.3f}" for value in row["mean_attention"])
    return (
        f"{row['update']:7d}  {row['phase']:12s}  {row['sparsity_reached']:8.4f}  {row['sparsity_asked']:6.4f}"
        f"  {sum(row['regrown']):7d}  {sum(row['dropped']):7d}  {attention}"
    )


@options
class MapOptions(SparseOptions):
    DEFAULT_SPARSITY: ClassVar[float] = 0.8
    AUDIT: ClassVar[AuditTable | None] = AuditTable("attention.jsonl", _HEADER, _line)
    #: exponent of the attention: 0 is none; the larger, the more it falls on the largest alone
    beta: float = 3.0
    #: updates between two refreshes of mask and attention
    every: int = 16
    #: fraction of the updates before the first mask, in which training is dense
    start: float = 0.1
    #: fraction of the updates after which the mask is fixed
    switch: float = 0.3
    #: updates of survivors once the mask is fixed, attention: scaled by it; plain: as they are
    exploitation: Literal["attention", "plain"] = "plain"
    #: global: all layers are ranked together; layer: each layer keeps the same fraction
    threshold: Literal["global", "layer"] = "global"
    #: where the largest magnitude has attention 1: in each layer, or in the whole network
    scale: Literal["layer", "global"] = "layer"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.beta < 0 or self.every < 1 or not 0 < self.switch <= 1:
            raise ValueError("beta must be 0 or more, every 1 or more, switch above 0 and at most 1")
        if not 0 <= self.start < self.switch:
            raise ValueError(f"start must be at least 0 and below switch ({self.switch:g}), not {self.start:g}")
