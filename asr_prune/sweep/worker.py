"""A process that makes one run of a sweep."""

from __future__ import annotations

import logging
import multiprocessing
import os
import sys
import threading
import traceback
from collections.abc import Iterable
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerContext, SpawnContext
from multiprocessing.process import BaseProcess
from pathlib import Path

from asr_prune.errors import UserError
from asr_prune.interrupts import interruptible
from asr_prune.stages.elsewhere import RunTask, go_through
from asr_prune.sweep.points import RUN_STAGES, SweepPoint
from asr_prune.workflow.log import INTERRUPTED, one_line
from asr_prune.workflow.work import Work

#: on Linux workers are forks of a process that has loaded what all of them need and does nothing
#: else, elsewhere fresh processes
STARTER: ForkServerContext | SpawnContext
if sys.platform == "linux":
    STARTER = multiprocessing.get_context("forkserver")
else:
    STARTER = multiprocessing.get_context("spawn")


def preload(works: Iterable[Work]) -> None:
    """Workers that are started from now on find the code of these works loaded."""
    modules = [name for work in works for name in (work.job.partition(":")[0], *work.code)]
    STARTER.set_forkserver_preload([*dict.fromkeys([__name__, *modules])])  # others than a fork server ignore it


def run_task(point: SweepPoint, log: Path, accept_code: bool, stages: tuple[str, ...] = RUN_STAGES) -> RunTask:
    """What makes a point. log: where its output goes."""
    loaded = point.experiment.loaded
    return RunTask(Path.cwd(), loaded.folder, tuple(loaded.sets), point.name, stages, log, accept_code)


class Worker:
    """A running process of a task. It ends when this process ends, whatever ends that.

    refused: once `cause` is known, whether the task cannot be done as it is asked, here or elsewhere.
    """

    def __init__(self, task: RunTask) -> None:
        self.refused = False
        self._answer, theirs = STARTER.Pipe(duplex=False)
        self.process: BaseProcess = STARTER.Process(target=work_on, args=(task, theirs))
        self.process.start()
        theirs.close()

    def cause(self) -> str:
        """Why the process, which has ended, did not do its task; empty if it did."""
        self.process.join()
        status = self.process.exitcode or 0
        try:
            told, self.refused = self._answer.recv() if self._answer.poll() else ("", False)
        except EOFError:
            told = ""
        if status < 0:
            return f"a signal ({-status}) killed it, perhaps for lack of memory"
        return str(told or f"it ended with status {status}") if status else ""

    def stop(self) -> None:
        """Ends the process as Ctrl-C does; what it has finished is kept."""
        self.process.terminate()
        self.process.join()


def work_on(task: RunTask, answer: Connection) -> None:
    """Makes the run; of an error, `answer` gets the cause in one line and whether it is the user's."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.chdir(task.project)
    _print_to(task.log)
    try:
        with interruptible():
            go_through(task)
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None
    except Exception as error:
        traceback.print_exc()
        answer.send((one_line(error), isinstance(error, UserError)))
        raise SystemExit(1) from None


def _end_with_parent() -> None:
    """A run whose sweep was killed must not go on beside the same run of the next one."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)


def _print_to(log: Path) -> None:
    """Sends all output, that of libraries included, to the end of a file."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a", encoding="utf-8") as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
    form = "%(asctime)s %(levelname)s %(name)s: %(message)s"
    logging.basicConfig(level=logging.INFO, format=form, force=True)
    logging.getLogger("asr_prune").setLevel(logging.DEBUG)
    logging.getLogger("matplotlib").setLevel(logging.WARNING)
