"""What a network may cost in the end: `prune.budget`; read without torch."""

from __future__ import annotations

import re

from asr_prune.options import options

#: an amount in a recipe: a number, or one with a unit such as 200k
Quantity = float | str
_AMOUNT = re.compile(r"(\d{1,12}(?:\.\d{0,9})?|\.\d{1,9}) *([kKM]?)")
#: what the letters behind an amount multiply it with
UNITS = {"": 1.0, "k": 1e3, "K": 1e3, "M": 1e6}
#: what each kind counts, in words
NOUNS = {
    "params": "parameters",
    "macs": "multiply-adds per frame",
    "bytes": "bytes of the network's file",
    "ms_per_second": "milliseconds per second of audio",
}
#: kinds of which an amount up to 1 is a fraction of the dense network
_RELATIVE = ("params", "macs")


@options
class BudgetOptions:
    """One of these."""

    #: weights and biases: a fraction of those of the dense network (0.2), or a number (200k)
    params: Quantity | None = None
    #: multiply-adds per frame: a fraction of those of the dense network (0.2), or a number (1.5M)
    macs: Quantity | None = None
    #: size of the file of the shrunk network, shrunk/network.pt (200k: 200,000)
    bytes: Quantity | None = None
    #: milliseconds of one thread of this machine's processor that the network takes for a second of
    #: audio, by a model of the times of its layers that is fitted before the training
    ms_per_second: Quantity | None = None

    def __post_init__(self) -> None:
        if len(given := [kind for kind in NOUNS if getattr(self, kind) is not None]) != 1:
            raise ValueError(f"budget must have one of {' or '.join(NOUNS)}, not {' and '.join(given) or 'none'}")
        if self.amount <= 0:
            raise ValueError(f"budget {self} must be above 0")

    @property
    def kind(self) -> str:
        """Which of the fields is given."""
        return next(kind for kind in NOUNS if getattr(self, kind) is not None)

    @property
    def relative(self) -> bool:
        """Whether the amount is a fraction of the dense network."""
        return self.kind in _RELATIVE and self.amount <= 1

    @property
    def amount(self) -> float:
        """The number given, its unit applied. Raises ValueError if it is no number."""
        value = getattr(self, self.kind)
        if not isinstance(value, str):
            return float(value)
        if (found := _AMOUNT.fullmatch(value)) is None:
            raise ValueError(f"budget {self} must be a number, or one with a unit such as 200k or 1.5M")
        return float(found[1]) * UNITS[found[2]]

    @property
    def priced(self) -> bool:
        """Whether its unit depends on more than the maps of the network."""
        return self.kind not in _RELATIVE

    def limit(self, dense: float) -> float:
        """The most that the network may cost. dense: what the dense network costs."""
        return self.amount * (dense if self.relative else 1)

    def __str__(self) -> str:
        value = getattr(self, self.kind)
        return f"{self.kind} {value if isinstance(value, str) else format(value, 'g')}"


@options
class PricedBudget(BudgetOptions):
    """A budget whose unit depends on more than the maps of the network: see prices.py."""

    #: bytes: those of the file that are there whatever the nodes; ms_per_second: the milliseconds
    #: of what is there whatever the nodes, of a row and of a weight of the maps
    prices: tuple[float, ...]
