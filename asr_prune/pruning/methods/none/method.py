"""No pruning: the dense network that every other run is compared with."""

from __future__ import annotations

from asr_prune.pruning.method import KeepsEveryNode


class NoPruning(KeepsEveryNode):
    """Keeps every node."""
