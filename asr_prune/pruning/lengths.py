"""Lengths of phases: a fraction of the run's updates, or `2 epochs`, or `500 updates`; read without
torch.
"""

from __future__ import annotations

import re

#: a length in a recipe
Length = float | str
_COUNTED = re.compile(r"(\d{1,9}(?:\.\d{0,9})?|\.\d{1,9}) *(epoch|update)s?")


def check_length(key: str, length: Length) -> None:
    """Raises ValueError, a sentence that begins with `key`, if `length` is no length."""
    if isinstance(length, str):
        if not _COUNTED.fullmatch(length):
            raise ValueError(f"{key} must be a fraction of the updates, or a length such as 2 epochs or 500 updates")
    elif not 0 <= length < 1:
        raise ValueError(f"{key} must be at least 0 and below 1 as a fraction of the updates, not {length}")


def _counted(length: str) -> tuple[float, str]:
    """The number of a length, and its unit: epoch or update."""
    found = _COUNTED.fullmatch(length)
    assert found is not None
    return float(found[1]), found[2]


def is_nothing(length: Length) -> bool:
    """Whether a length has no update, however long the run is."""
    if not isinstance(length, str):
        return length == 0
    number, unit = _counted(length)
    return number == 0 or (unit == "update" and round(number) == 0)


def updates_in(key: str, length: Length, steps: int, epochs: int | None) -> int:
    """The updates of a length, in a run of `steps` updates and `epochs` epochs (None: unknown).

    Raises ValueError if it is given in epochs and `epochs` is None.
    """
    if not isinstance(length, str):
        return round(length * steps)
    number, unit = _counted(length)
    if unit == "update":
        return round(number)
    if epochs is None:
        raise ValueError(f"{key} is {length}, but here the updates of an epoch are unknown; give it in updates")
    return round(number * steps / epochs)


def epochs_of(length: Length, epochs: int) -> float:
    """A length in epochs, in a run of `epochs`; 0 for one in updates, which cannot be told yet."""
    if not isinstance(length, str):
        return length * epochs
    number, unit = _counted(length)
    return number if unit == "epoch" else 0.0
