"""TensorBoard events of a training run, if TensorBoard is installed."""

from __future__ import annotations

import logging
import shutil
from functools import cache
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)


@cache
def tensorboard_installed() -> bool:
    """Whether events can be written; says so if not."""
    try:
        import torch.utils.tensorboard  # noqa: F401
    except ImportError:
        log.info("no TensorBoard events: the package tensorboard is not installed")
        return False
    return True


def write_events(folder: Path, metrics: list[dict[str, Any]]) -> None:
    """Replaces the events in `folder` by those of all epochs, each once even after a resume."""
    from torch.utils.tensorboard import SummaryWriter

    shutil.rmtree(folder, ignore_errors=True)
    with SummaryWriter(str(folder)) as writer:
        for row in metrics:
            for name, value in row.items():
                if isinstance(value, (int, float)) and name != "epoch":
                    writer.add_scalar(name, value, row["epoch"])
