"""Which part of a batch a process has."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Share:
    """Of process `rank`, counted from 0, of `count`."""

    rank: int = 0
    count: int = 1

    def of(self, size: int) -> slice:
        """Its part of `size` items in a row; the parts of all processes follow each other."""
        return slice(size * self.rank // self.count, size * (self.rank + 1) // self.count)


#: of a process that works alone
WHOLE = Share()
