"""Numbers read from the device: a GPU finishes all that is queued before it answers, so a method
reads seldom, and all numbers at once.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor


def read(values: Iterable[Tensor]) -> list[float]:
    """The numbers of scalars, [] each and of one dtype, as Python numbers of that type."""
    scalars = list(values)
    numbers: list[float] = torch.stack(scalars).tolist() if scalars else []
    return numbers
