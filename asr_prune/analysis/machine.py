"""What this machine has free: cores, memory, disk."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

_MEMORY = Path("/proc/meminfo")


@dataclass(frozen=True)
class Machine:
    """cores: that this process may use; load: mean number of running processes in the last minute,
    None on Windows; memory: free bytes, None where the system does not say; disk: free bytes of the
    current folder; writable: whether that can be written.
    """

    system: str
    cores: int
    load: float | None
    memory: int | None
    disk: int
    writable: bool

    @classmethod
    def here(cls) -> Machine:
        load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
        system = f"{platform.system()} {platform.machine()}"
        writable = os.access(".", os.W_OK)
        return cls(system, available_cores(), load, _memory(), shutil.disk_usage(".").free, writable)


def available_cores() -> int:
    """Cores that this process may use."""
    count = getattr(os, "process_cpu_count", None)  # Python 3.13
    if count is None and hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return (count or os.cpu_count)() or 1


def _memory() -> int | None:
    """MemAvailable of Linux."""
    try:
        lines = _MEMORY.read_text().splitlines()
    except OSError:
        return None
    kilobytes = [line.split()[1] for line in lines if line.startswith("MemAvailable:")]
    return 1024 * int(kilobytes[0]) if kilobytes else None


def peak_memory() -> int:
    """The most memory that this process has occupied so far, in bytes; 0 on Windows."""
    if sys.platform == "win32":
        return 0
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak
