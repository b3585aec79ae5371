"""Options of the group lasso."""

from __future__ import annotations

from typing import Literal

from asr_prune.options import options
from asr_prune.pruning.options import ProximalOptions


@options
class GroupLassoOptions(ProximalOptions):
    #: proximal reaches exact zeros; subgradient adds the term to the loss, and nodes are cut by
    #: rank or tolerance
    solver: Literal["proximal", "subgradient"] = "proximal"
    #: sqrt_size multiplies each group's penalty by the square root of its length
    group_scale: Literal["none", "sqrt_size"] = "none"
