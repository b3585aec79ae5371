"""Every affine map as a product of two, then fine-tuning: what a smaller rank does instead of fewer
nodes.
"""

from __future__ import annotations

from asr_prune.pruning.method import KeepsEveryNode


class Svd(KeepsEveryNode):
    """Trains as the dense network does until the cut, where all maps are factored, after Xue, Li
    and Gong 2013, sections 3 and 4, with a decomposition that knows the data
    (`low_rank.ranks_within`).
    """
