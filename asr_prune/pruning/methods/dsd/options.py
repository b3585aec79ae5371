"""Options of dense-sparse-dense training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from asr_prune.options import options
from asr_prune.pruning.acts import Rule, where
from asr_prune.pruning.lengths import Length, check_length, epochs_of, is_nothing
from asr_prune.pruning.weight_options import SparseOptions


@options
class DsdOptions(SparseOptions):
    REMOVES: ClassVar[bool] = False
    ACTS: ClassVar[Mapping[str, Rule]] = {
        **SparseOptions.ACTS,
        "min_nodes": where("granularity", "node"),
    }
    LENGTHS: ClassVar[tuple[str, ...]] = ("shares",)
    #: repetitions of the sparse and the re-dense phase
    cycles: int = 1
    #: with restart: factor on the learning rate in each phase, 1 + 2 * cycles values; empty: each
    #: phase a tenth of the one before
    rates: tuple[float, ...] = ()
    #: whether each phase has a learning-rate schedule of its own, with the factors of `rates`;
    #: false: one schedule for the whole run, as without the method
    restart: bool = False
    #: of each phase but the last, which takes what they leave: fraction of the updates, or a
    #: length such as 2 epochs or 500 updates; fractions may name the last, too; empty: all alike
    shares: tuple[Length, ...] = ()
    #: whether to mask the output layer's weights too
    output_layer: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.cycles < 1:
            raise ValueError(f"cycles must be 1 or more, not {self.cycles}")
        if self.rates and len(self.rates) != self.phases:
            found = len(self.rates)
            raise ValueError(f"rates must have {self.phases} entries, one a phase, not {found}")
        if self.rates and min(self.rates) <= 0:
            raise ValueError(f"rates must be above 0, not {list(self.rates)}")
        if self.rates and not self.restart:
            raise ValueError("rates are of the phases' own schedules; set restart: true, or leave rates out")
        if self.shares:
            self._check_shares()

    def _check_shares(self) -> None:
        count = len(self.shares)
        fractions = [share for share in self.shares if not isinstance(share, str)]
        if count not in (self.phases - 1, self.phases):
            asked = f"{self.phases} entries, one a phase, or lack the last"
            raise ValueError(f"shares must have {asked}, not {count}")
        for share in self.shares:
            if isinstance(share, str):
                check_length("shares", share)
        if min(fractions, default=1) <= 0 or any(is_nothing(share) for share in self.shares):
            raise ValueError(f"shares must be above 0, not {list(self.shares)}")
        if count == self.phases and len(fractions) < count:
            raise ValueError(
                "shares with a length such as 2 epochs must leave the last phase out, which takes what the others leave"
            )
        if count == self.phases and abs(sum(fractions) - 1) > 1e-6:
            raise ValueError(f"shares must add up to 1, not to {sum(fractions):g}")
        if count < self.phases and sum(fractions) >= 1:
            added = f"they add up to {sum(fractions):g}"
            raise ValueError(f"shares must leave something for the last phase; {added}")

    def check_epochs(self, epochs: int, counted: bool = True) -> None:
        super().check_epochs(epochs, counted)
        before = self.shares[: self.phases - 1]
        if counted and sum(epochs_of(share, epochs) for share in before) >= epochs:
            left = f"something of the {epochs} epochs of the run"
            raise ValueError(f"shares must leave {left} for the last phase")

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
