"""A run of a sweep as a task that a worker of an executor does."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from asr_prune.files import atomic
from asr_prune.spread.task import Task
from asr_prune.sweep.lease import Lease
from asr_prune.sweep.worker import RunTask, go_through
from asr_prune.workflow.log import one_line


def task_of(run: RunTask, name: str, lease: Lease, folder: Path) -> Task:
    """name: of the run; folder: where the task leaves its outcome, for `cause_of`."""
    arguments = {"run": run, "lease": lease}
    return Task(f"the run {name}", "asr_prune.sweep.elsewhere:make_run", arguments, folder / f"{name}.json")


def make_run(run: RunTask, lease: Lease, out: Path) -> None:
    """The task: makes the run, whose messages go to its log. What fails it is its outcome, since
    other runs go on.
    """
    cause = ""
    with lease.watched(), _logging_to(run.log):
        try:
            go_through(run)
        except Exception as error:
            logging.getLogger("asr_prune").exception("the run failed")
            cause = one_line(error)
    with atomic(out) as file:
        json.dump({"cause": cause}, file)


def cause_of(task: Task) -> str:
    """Why a run that is done was not made; empty if it was."""
    cause = json.loads(task.output.read_text(encoding="utf-8"))["cause"]
    task.output.unlink()
    return str(cause)


@contextmanager
def _logging_to(path: Path) -> Iterator[None]:
    """Messages of the package go to the end of a file alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handler, log = logging.FileHandler(path, encoding="utf-8"), logging.getLogger("asr_prune")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    before, log.handlers = log.handlers, [handler]
    try:
        yield
    finally:
        log.handlers = before
        handler.close()
