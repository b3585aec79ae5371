"""Options of dense-sparse-dense training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from asr_prune.options import options
from asr_prune.pruning.acts import Rule, where
from asr_prune.pruning.weight_options import SparseOptions


@options
class DsdOptions(SparseOptions):
    REMOVES: ClassVar[bool] = False
    ACTS: ClassVar[Mapping[str, Rule]] = {
        **SparseOptions.ACTS,
        "min_nodes": where("granularity", "node"),
    }
    #: repetitions of the sparse and the re-dense phase
    cycles: int = 1
    #: with restart: factor on the learning rate in each phase, 1 + 2 * cycles values; empty: each
    #: phase a tenth of the one before
    rates: tuple[float, ...] = ()
    #: whether each phase has a learning-rate schedule of its own, with the factors of `rates`;
    #: false: one schedule for the whole run, as without the method
    restart: bool = False
    #: fraction of the updates in each phase, 1 + 2 * cycles values that add up to 1; empty: all
    #: alike
    shares: tuple[float, ...] = ()
    #: whether to mask the output layer's weights too
    output_layer: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.cycles < 1:
            raise ValueError(f"cycles must be 1 or more, not {self.cycles}")
        for name, values in (("rates", self.rates), ("shares", self.shares)):
            if values and len(values) != self.phases:
                raise ValueError(f"{name} must have {self.phases} entries, one a phase, not {len(values)}")
            if values and min(values) <= 0:
                raise ValueError(f"{name} must be above 0, not {list(values)}")
        if self.rates and not self.restart:
            raise ValueError("rates are of the phases' own schedules; set restart: true, or leave rates out")
        if self.shares and abs(sum(self.shares) - 1) > 1e-6:
            raise ValueError(f"shares must add up to 1, not to {sum(self.shares):g}")

    def counts(self, hidden: Sequence[int]) -> list[int]:
        """Granularity node: the nodes of each layer in the sparse phase, the same share of each but
        at least `min_nodes`.
        """
        return [max(round((1 - self.masked) * size), min(size, self.min_nodes)) for size in hidden]

    def check_nodes(self, hidden: Sequence[int]) -> None:
        """As for other methods, but that `keep` is of the sparse phase and of each layer."""
        if self.keep is None:
            return
        shares, counts = [round(self.keep * size) for size in hidden], self.counts(hidden)
        if sum(counts) - sum(shares) > max(1, 0.02 * sum(shares)):
            raise ValueError(
                f"keep {self.keep:g} requests {sum(shares)} of {sum(hidden)} hidden nodes in the sparse phase, but "
                f"min_nodes {self.min_nodes} leaves {sum(counts)}; raise keep or lower min_nodes (to "
                f"{max(1, min(shares))})"
            )

    @property
    def phases(self) -> int:
        """Dense, then sparse and re-dense in each cycle."""
        return 1 + 2 * self.cycles
