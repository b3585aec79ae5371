"""How people read the log that a method keeps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class AuditTable:
    """A method's log of its decisions, JSON lines in the run's folder, and how people read it.

    file: its name; header: the table's first line; line: the text of one row of the file. Rows have
    an `update`.
    """

    file: str
    header: str
    line: Callable[[Mapping[str, Any]], str]
