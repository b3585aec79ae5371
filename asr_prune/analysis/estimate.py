"""What one work takes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Estimate:
    """seconds: as if nothing else ran; memory, disk: bytes; frames: that are gone over. None: not
    known beforehand. extrapolated: whether the seconds rest on a search that could not be tried;
    guessed: whether the memory is that of a graph that is not there.
    """

    seconds: float | None = None
    frames: int | None = None
    disk: int | None = None
    memory: int | None = None
    extrapolated: bool = False
    guessed: bool = False
