"""A file for libraries that read files alone."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def scratch_file() -> Iterator[Path]:
    """Yields an empty file for libraries that read files alone; it is gone after the block.

    On Linux it is in memory, so that a killed process leaves nothing either.
    """
    if not hasattr(os, "memfd_create") or not os.path.isdir("/proc/self/fd"):
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder) / "scratch"
        return
    handle = os.memfd_create("asr_prune")
    try:
        yield Path(f"/proc/self/fd/{handle}")
    finally:
        os.close(handle)
