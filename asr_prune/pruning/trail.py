"""What a run writes down of its nodes while it goes: lines of JSON that a kill and a resume leave as they would be
without.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

SCORES = "trail.jsonl"


class Trail:
    """Files of JSON lines in `folder` (None: nothing is written).

    Lines wait until `flush`, which comes with the checkpoint; the checkpoint knows how long each file then was, and
    whatever a killed run wrote after it is overwritten.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self.pending: dict[str, list[str]] = {}
        self.written: dict[str, int] = {}

    def add(self, name: str, row: dict[str, Any]) -> None:
        """One line for the file `name`."""
        self.pending.setdefault(name, []).append(json.dumps(row) + "\n")

    def scores(self, update: int, phase: str, scores: Sequence[Tensor]) -> None:
        """A line of trail.jsonl: what each node's score is after `update`; float [nodes] a layer, four digits kept."""
        told = [[float(f"{value:.4g}") for value in layer.tolist()] for layer in scores]
        self.add(SCORES, {"update": update, "phase": phase, "scores": told})

    def flush(self) -> None:
        """Writes what waits, behind what the last checkpoint knows of."""
        for name, lines in self.pending.items():
            if self.folder is not None:
                self._write(self.folder / name, "".join(lines).encode())
        self.pending = {}

    def _write(self, path: Path, data: bytes) -> None:
        path.touch()
        with open(path, "r+b") as file:
            file.seek(min(self.written.get(path.name, 0), path.stat().st_size))
            file.write(data)
            file.truncate()
            self.written[path.name] = file.tell()

    def state_dict(self) -> dict[str, Any]:
        return {"written": dict(self.written)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.pending, self.written = {}, dict(state["written"])
