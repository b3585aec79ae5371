"""A run as a task: what a process, or a worker of an executor, is given to make it."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from asr_prune.files import atomic
from asr_prune.spread.lease import Lease
from asr_prune.spread.task import Task
from asr_prune.stages import works_of
from asr_prune.workflow.experiment import open_experiment
from asr_prune.workflow.log import one_line
from asr_prune.workflow.runner import Runner


@dataclass(frozen=True)
class RunTask:
    """The folder of the project, the recipe and its settings, and the name of one of its runs.

    stages: those to go through; log: where messages go; nj: of the command that the run notes;
    tells: whether messages go to the command as well.
    """

    project: Path
    recipe: Path
    sets: tuple[str, ...]
    run: str
    stages: tuple[str, ...]
    log: Path
    accept_code: bool
    nj: int = 1
    tells: bool = False


@dataclass(frozen=True)
class RunEnd:
    """How a run ended. cause: why it was not made, empty if it was; stage: the one that has to be
    run again before, if the error names one.
    """

    cause: str = ""
    stage: str = ""

    @classmethod
    def of(cls, task: Task) -> RunEnd:
        """Of a task that is done, whose file is removed."""
        known = json.loads(task.output.read_text(encoding="utf-8"))
        task.output.unlink()
        return cls(**known)


def go_through(task: RunTask) -> None:
    """Makes the run in this process, in the current folder. Raises what its stages raise."""
    experiment = open_experiment(task.recipe, task.sets, task.nj)
    works = [work for stage in task.stages for work in works_of(stage, experiment)]
    own = [work for work in works if work.run == task.run]
    Runner(experiment.layout, task.accept_code).run(own)


def task_of(run: RunTask, lease: Lease, folder: Path) -> Task:
    """folder: where the task leaves its `RunEnd`."""
    arguments = {"run": run, "lease": lease}
    return Task(f"the run {run.run}", f"{__name__}:make_run", arguments, folder / f"{run.run}.json")


def make_run(run: RunTask, lease: Lease, out: Path) -> None:
    """The task: makes the run. What fails it is how it ends, since other runs go on."""
    end = RunEnd()
    with lease.watched(), _logging_to(run.log, run.tells):
        try:
            go_through(run)
        except Exception as error:
            logging.getLogger("asr_prune").exception("the run failed")
            end = RunEnd(one_line(error), getattr(error, "stage", ""))
    with atomic(out) as file:
        json.dump(asdict(end), file)


@contextmanager
def _logging_to(path: Path, beside: bool) -> Iterator[None]:
    """Messages of the package go to the end of a file, alone or beside where they go anyway."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handler, log = logging.FileHandler(path, encoding="utf-8"), logging.getLogger("asr_prune")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    before, log.handlers = log.handlers, [*(log.handlers if beside else ()), handler]
    try:
        yield
    finally:
        log.handlers = before
        handler.close()
