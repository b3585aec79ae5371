"""Makes the runs of a sweep, some at a time; a run that fails stops nothing but those that need it."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from functools import partial
from multiprocessing.connection import wait
from pathlib import Path

from asr_prune.report.cells import decimals
from asr_prune.report.imported_runs import imported_figures
from asr_prune.report.results import read_result
from asr_prune.spread.executor import Executor, elsewhere
from asr_prune.spread.lease import Lease
from asr_prune.spread.task import Task
from asr_prune.stages.elsewhere import RunEnd, task_of
from asr_prune.sweep.board import Board, Status
from asr_prune.sweep.worker import Worker, preload, run_task
from asr_prune.workflow.runner import Runner

log = logging.getLogger(__name__)

#: seconds between two tables
_EVERY = 300.0


class SweepSchedule:
    """board: the runs in the order in which they are made; runner: of the experiment, whose lock
    this process holds.
    """

    def __init__(self, board: Board, runner: Runner) -> None:
        self.board, self.runner = board, runner
        self.workers: dict[str, Worker] = {}
        self._table_at = -_EVERY

    def run(self) -> None:
        """Returns once every run is done or has failed. If interrupted, ends the processes first."""
        try:
            self._find_done()
            self._estimate()
            if workers := elsewhere():
                self._share(workers)
            else:
                self._make_here()
        finally:
            for worker in self.workers.values():
                worker.stop()
            for status in self.board.of_state("running"):
                status.state = "to do"
            self.board.save()

    def _make_here(self) -> None:
        preload(work for status in self.board.of_state("to do") for work in status.point.works())
        while self._start() or self.workers:
            self._report()
            self._wait()

    def _share(self, workers: Executor) -> None:
        """Workers of an executor make the runs: first those that need none, then those that need them."""
        folder = self.board.path.parent / f"{self.board.path.stem}.runs"
        folder.mkdir(parents=True, exist_ok=True)
        with Lease(self.board.path.with_suffix(".alive")).held() as lease:
            while ready := self._ready():
                tasks = [self._task(status, lease, folder) for status in ready]
                waiting = {task.output: status for task, status in zip(tasks, ready, strict=True)}
                for done in workers.run(tasks, watch=partial(self._watch, workers, waiting)):
                    self._end(waiting.pop(done.output), RunEnd.of(done).cause)
                    self.board.save()

    def _task(self, status: Status, lease: Lease, folder: Path) -> Task:
        run = run_task(status.point, status.log, self.runner.accept_code)
        return task_of(run, lease, folder)

    def _watch(self, workers: Executor, waiting: Mapping[Path, Status], doing: Sequence[Task]) -> None:
        """Runs that a worker has are running; the others wait for one, or for another one."""
        self.board.nj, begun = workers.nj, {task.output for task in doing}
        for output, status in waiting.items():
            if (output in begun) == (status.state == "running"):
                continue
            status.state = "running" if output in begun else "to do"
            status.began = time.time()
            self.board.save()
        if doing:
            self._report()

    def _find_done(self) -> None:
        for status in self.board.statuses.values():
            if not self._due(status):
                status.state = "done"
        self.runner.hashes.save()

    def _estimate(self) -> None:
        """Of the runs that are to do, from what is there of them now."""
        from asr_prune.sweep.forecast import Forecast, seconds_of  # loads torch

        if left := self.board.of_state("to do"):
            log.info("estimating the time of %d runs", len(left))
            forecast = Forecast([status.point for status in left], self.runner, self.board.nj)
            for status in left:
                status.estimate = seconds_of(forecast.of_run(status.point.name))
                status.seconds = None
        self.board.save()

    def _due(self, status: Status) -> bool:
        """Whether it or a run that it needs has anything to do."""
        done = {own.point.name for own in self.board.of_state("done")}
        needed = [self.board.statuses[name] for name in status.point.needs if name in self.board.statuses]
        states = self.runner.survey(status.point.works())
        return any(own.point.name not in done for own in needed) or any(own.due or own.why for own in states)

    def _start(self) -> bool:
        """Starts runs that wait for nothing; whether any run is left that may still be started."""
        for status in self._ready():
            if len(self.workers) < self.board.nj:
                self._begin(status)
        self.board.save()
        return bool(self.board.of_state("to do"))

    def _ready(self) -> list[Status]:
        """The runs that wait for nothing; those that need one that failed fail, too."""
        found = []
        for status in self.board.of_state("to do"):
            needed = [self.board.statuses[name] for name in status.point.needs if name in self.board.statuses]
            if failed := [own.point.name for own in needed if own.state == "failed"]:
                status.began = time.time()
                self._end(status, f"it needs {failed[0]}, which failed")
            elif all(own.state == "done" for own in needed):
                found.append(status)
        return found

    def _begin(self, status: Status) -> None:
        status.state, status.began = "running", time.time()
        task = run_task(status.point, status.log, self.runner.accept_code)
        self.workers[status.point.name] = Worker(task)

    def _wait(self) -> None:
        """Until a run ends, or the table is due."""
        if not self.workers:
            return
        ended = wait([worker.process.sentinel for worker in self.workers.values()], _EVERY)
        for name, worker in list(self.workers.items()):
            if worker.process.sentinel in ended:
                del self.workers[name]
                self._end(self.board.statuses[name], worker.cause())

    def _end(self, status: Status, cause: str) -> None:
        status.end("failed" if cause else "done", cause)
        log.info("%s: %s", status.point.name, f"failed: {cause}" if cause else self._figures(status))

    def _figures(self, status: Status) -> str:
        point = status.point
        if point.experiment.imported:
            figures = imported_figures(point.folder)
        else:
            row = read_result(point.folder.result, point.name)
            wer = f"WER test {decimals(row.wer_test, 2)}, CE dev {decimals(row.dev_ce_final, 3)}"
            figures = f"{wer}, {row.nodes:.0f} nodes"
        return f"{figures}, {status.seconds:.0f} s; {self.board.counts()}"

    def _report(self) -> None:
        if time.monotonic() - self._table_at >= _EVERY:
            self._table_at = time.monotonic()
            log.info("%s", "\n".join(self.board.table()))
