"""Options of dense training."""

from __future__ import annotations

from typing import ClassVar

from asr_prune.options import options
from asr_prune.pruning.options import PruneOptions


@options
class NoneOptions(PruneOptions):
    REMOVES: ClassVar[bool] = False
    IS_DENSE: ClassVar[bool] = True
