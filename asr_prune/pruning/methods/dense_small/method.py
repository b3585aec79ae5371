"""A small network trained from scratch, with the widths of a pruned one: what pruning has to
beat.
"""

from __future__ import annotations

from asr_prune.pruning.method import KeepsEveryNode


class DenseSmall(KeepsEveryNode):
    """Trains a network of fewer nodes as `none` trains the dense one, for the same epochs by the
    same schedule; each layer's dropout is lowered in proportion to its nodes, as that of a pruned
    network is.
    """
