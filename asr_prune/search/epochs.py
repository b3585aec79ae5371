"""The epochs of a training, while it goes on."""

from __future__ import annotations

import json

from asr_prune.run_dir import RunDir


class Epochs:
    """Of a run that is about to be made. anew: whether it is to be trained: what its metrics.jsonl
    has now may then be of another training, and does not count before it is written again. A
    training that goes on from its checkpoint writes it again as well.
    """

    def __init__(self, run: RunDir, anew: bool) -> None:
        self.run = run
        self._former = self._stamp() if anew else None

    def ce(self) -> list[float]:
        """Cross-entropy on dev after each epoch so far, nats per frame."""
        return [] if self._stamp() in (None, self._former) else epochs_ce(self.run)

    def _stamp(self) -> tuple[int, int] | None:
        try:
            stat = self.run.metrics.stat()
        except FileNotFoundError:
            return None
        return stat.st_ino, stat.st_mtime_ns


def epochs_ce(run: RunDir) -> list[float]:
    """Cross-entropy on dev after each epoch that metrics.jsonl has, nats per frame."""
    lines = run.metrics.read_text(encoding="utf-8").split("\n")[:-1]
    return [float(json.loads(line)["dev_ce"]) for line in lines]
