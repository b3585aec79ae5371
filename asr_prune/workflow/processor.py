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
    """As Linux names it, with its family and model: clouds give different ones the same name, and they
    round differently. Elsewhere the kind of processor.
    """
    try:
        lines = file_lines(_CPUINFO)
    except OSError:
        lines = []
    facts: dict[str, str] = {}
    for line in lines:
        key, _, value = line.partition(":")
        facts.setdefault(key.strip(), value.strip())
    name = facts.get("model name") or platform.processor() or platform.machine()
    numbers = [f"{key.removeprefix('cpu ')} {facts[key]}" for key in ("cpu family", "model") if facts.get(key)]
    return f"{name} ({', '.join(numbers)})" if numbers else name
