"""The log of a run's nodes: JSON lines that are the same whether or not the run was killed and
resumed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from asr_prune.run_dir import RunDir


class TrailWriter:
    """Files of JSON lines in the folder of `run` (None: nothing is written).

    Lines are kept in memory until `flush`, before a checkpoint is written. The checkpoint holds the
    length of each file, and what a killed run wrote after it is overwritten.
    """

    def __init__(self, run: RunDir | None) -> None:
        self.run = run
        self.pending: dict[str, list[str]] = {}
        self.written: dict[str, int] = {}

    def add(self, name: str, row: dict[str, Any]) -> None:
        """Adds a line to the file `name`."""
        self.pending.setdefault(name, []).append(json.dumps(row) + "\n")

    def scores(self, update: int, phase: str, scores: Sequence[Tensor]) -> None:
        """Adds a line to trail.jsonl: the node scores after `update`, float [nodes] a layer,
        rounded to four digits.
        """
        rounded = [[float(f"{value:.4g}") for value in layer.tolist()] for layer in scores]
        self.add(RunDir(Path()).trail.name, {"update": update, "phase": phase, "scores": rounded})

    def flush(self) -> None:
        """Writes the lines in memory, behind those that the last checkpoint knows."""
        for name, lines in self.pending.items():
            if self.run is not None:
                self._write(self.run.path / name, "".join(lines).encode())
        self.pending = {}

    def _write(self, path: Path, data: bytes) -> None:
        path.touch()
        with open(path, "r+b") as file:
            file.seek(min(self.written.get(path.name, 0), path.stat().st_size))
            file.write(data)
            file.truncate()
            self.written[path.name] = file.tell()

    def state_dict(self) -> dict[str, Any]:
        """The length of each file."""
        return {"written": dict(self.written)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continues files behind the lengths in `state`."""
        self.pending, self.written = {}, dict(state["written"])
