"""The state of every run of a sweep, and the table that is printed of it."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from asr_prune.errors import counted
from asr_prune.files import atomic
from asr_prune.layout import Layout
from asr_prune.sweep.points import SweepPoint
from asr_prune.text import file_lines
from asr_prune.workflow.ledger import read_json

RunState = Literal["to do", "running", "done", "failed"]
STATES: tuple[RunState, ...] = ("done", "running", "failed", "to do")


@dataclass
class Status:
    """One run. estimate: seconds that it takes from what is there at the start of the sweep, as
    `plan` says; seconds: that it took from there; began: as of time.time(), of a run that is
    running; cause: why it failed; log: what it printed.
    """

    point: SweepPoint
    log: Path
    state: RunState = "to do"
    estimate: float | None = None
    seconds: float | None = None
    began: float = 0.0
    cause: str = ""

    def end(self, state: RunState, cause: str = "") -> None:
        """It is done or has failed, after what has passed since it began."""
        self.seconds, self.state, self.cause = time.time() - self.began, state, cause

    @property
    def part(self) -> str:
        """The part of the experiment that its result is of, as in `Layout`."""
        return self.point.experiment.pooled.layout.part

    @property
    def epochs(self) -> str:
        """How far its training is."""
        run, whole = self.point.run, self.point.experiment
        trained = [part.run_dir(run).metrics for part in whole.folds or [whole]]
        done = sum(len(file_lines(path)) for path in trained if path.is_file())
        return f"{done} of {len(trained) * run.train.epochs} epochs"


@dataclass
class Board:
    """The runs of a sweep. path: a file that other programs read the states from; nj: runs at a
    time, as things stand.
    """

    path: Path
    nj: int
    statuses: dict[str, Status] = field(default_factory=dict)

    @classmethod
    def of(cls, points: Sequence[SweepPoint], path: Path, nj: int) -> Board:
        """All to do; with the seconds of what an earlier start of the sweep has done, as noted in
        `path`. Those of other runs are of parts of them, or of what they would have been then.
        """
        before, board = read_json(path).get("runs", {}), cls(path, nj)
        for point in points:
            status = Status(point, point.experiment.layout.log(f"sweep/{point.name}"))
            known = before.get(point.name, {})
            if known.get("state") == "done":
                status.estimate, status.seconds = known.get("estimate"), known.get("seconds")
            board.statuses[point.name] = status
        return board

    def save(self) -> None:
        """Writes the file."""
        keys = ("state", "estimate", "seconds", "began", "cause")
        runs = {
            name: {key: getattr(own, key) for key in keys} | {"log": str(own.log), "part": own.part}
            for name, own in self.statuses.items()
        }
        with atomic(self.path) as file:
            json.dump({"left": self.left, "runs": runs}, file, indent=1)

    def of_state(self, *states: RunState) -> list[Status]:
        return [own for own in self.statuses.values() if own.state in states]

    @property
    def left(self) -> float | None:
        """Seconds until all is done: the estimates, by what those of finished runs were wrong; None
        if nothing is known.
        """
        done = [own for own in self.of_state("done") if own.seconds and own.estimate]
        took, said = sum(own.seconds or 0 for own in done), sum(own.estimate or 0 for own in done)
        waiting = self.of_state("to do", "running")
        if any(own.estimate is None for own in waiting):
            return None
        passed = [time.time() - own.began if own.state == "running" else 0.0 for own in waiting]
        factor = took / said if said else 1.0
        left = [max(0.0, factor * (own.estimate or 0) - gone) for own, gone in zip(waiting, passed, strict=True)]
        return max(sum(left) / max(1, min(self.nj, len(left))), max(left, default=0.0))

    def counts(self) -> str:
        """One line: how many runs are in which state, and when the last of them ends."""
        counts = ", ".join(f"{len(self.of_state(state))} {state}" for state in STATES if self.of_state(state))
        line = f"{counted(self.statuses, 'run')}: {counts}"
        if self.of_state("to do", "running") and (left := self.left) is not None:
            end = time.strftime("%a %H:%M", time.localtime(time.time() + left))
            line += f"; about {minutes(left)} left, until {end}"
        return line

    def table(self) -> list[str]:
        """A line for each method, and below it what runs and what has failed."""
        methods = list(dict.fromkeys(own.point.method for own in self.statuses.values()))
        wide = max(map(len, ["method", *methods]))
        lines = [f"{'method':{wide}s}" + "".join(f"{state:>9s}" for state in STATES)]
        for method in methods:
            own = [status.state for status in self.statuses.values() if status.point.method == method]
            lines.append(f"{method:{wide}s}" + "".join(f"{own.count(state):9d}" for state in STATES))
        running = [f"running: {own.point.name}, {own.epochs}" for own in self.of_state("running")]
        return [*lines, *running, *self.failed(), self.counts()]

    def failed(self) -> list[str]:
        """A line for each failed run."""
        return [f"failed: {own.point.name}: {own.cause} (log: {own.log})" for own in self.of_state("failed")]


def failures(layout: Layout) -> dict[str, str]:
    """Why runs of an experiment, or of its folds, failed in the last start of their sweep, by name;
    without those on which work went on since.
    """
    found = []
    for path in layout.whole.exp.glob("sweeps/*.json"):
        for name, own in read_json(path).get("runs", {}).items():
            if own.get("state") == "failed" and _kind(own.get("part", "")) == _kind(layout.part):
                found.append((own["began"] + own["seconds"], name, f"failed: {own['cause']}"))
    return {name: why for time, name, why in sorted(found) if not layout.run(name).written_since(time)}


def _kind(part: str) -> str:
    """seeds or folds-COUNT of a part of an experiment; empty for all of it."""
    return part.partition("/")[0]


def minutes(seconds: float) -> str:
    """A duration in words."""
    return f"{seconds / 3600:.1f} h" if seconds >= 7200 else f"{max(1, round(seconds / 60))} min"
