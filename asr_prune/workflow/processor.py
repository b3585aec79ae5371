"""What a work was done on: noted beside its fingerprint, and no part of it."""

from __future__ import annotations

import platform
from pathlib import Path

from asr_prune.text import file_lines

_CPUINFO = Path("/proc/cpuinfo")


def this_machine() -> dict[str, str]:
    """The processor, and the version of Python."""
    return {"processor": _processor(), "python": platform.python_version()}


def _processor() -> str:
    """As Linux names it; elsewhere the kind of processor."""
    try:
        lines = file_lines(_CPUINFO)
    except OSError:
        lines = []
    names = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
