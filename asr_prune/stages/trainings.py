"""The stage train on other machines: workers make the runs of a recipe, those that teach others first."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from asr_prune.acoustic.distributed.following import in_company
from asr_prune.errors import UserError, counted
from asr_prune.recipe.blocks import Run
from asr_prune.spread.executor import Executor, elsewhere
from asr_prune.spread.lease import Lease
from asr_prune.stages import works_of
from asr_prune.stages.elsewhere import RunEnd, RunTask, task_of
from asr_prune.workflow.experiment import Experiment
from asr_prune.workflow.runner import Runner
from asr_prune.workflow.work import Files, Work

log = logging.getLogger(__name__)


class RunFailed(UserError):
    """A worker could not make a run. stage: the one to run again before; "": this one."""

    def __init__(self, text: str, stage: str) -> None:
        super().__init__(text)
        self.stage = stage


@dataclass(frozen=True)
class RunTraining:
    """The works of one run in the stage train, one for each fold."""

    run: Run
    works: Sequence[Work]

    def reads(self, other: RunTraining) -> bool:
        """Whether it reads what the training of another run makes."""
        homes = [work.home.resolve() for work in other.works]
        places = [place.resolve() for work in self.works for place in _places(work)]
        return any(place.is_relative_to(home) for place in places for home in homes)


def _places(work: Work) -> list[Path]:
    roots = [item.root for item in work.optional if isinstance(item, Files)]
    return [*work.inputs, *roots, *(item for item in work.optional if isinstance(item, Path))]


def run_trainings(experiment: Experiment, runner: Runner) -> None:
    """The stage train: here, or where the command has chosen workers and there are several runs, by
    these, one worker a run. Raises what `Runner.run` does, or RunFailed for the first run that a
    worker could not make, once those that others were making are done.
    """
    works = works_of("train", experiment)
    workers = elsewhere()
    if workers is None or not shares_trainings(experiment):
        runner.run(works)
        return
    left = [RunTraining(run, [work for work in works if work.run == run.name]) for run in experiment.runs]
    folder = experiment.layout.trainings
    shutil.rmtree(folder, ignore_errors=True)  # of a command that was killed
    folder.mkdir(parents=True)
    try:
        with Lease(folder / "alive").held() as lease:
            while left:
                ready = [own for i, own in enumerate(left) if not any(own.reads(other) for other in left[:i])]
                _Round(experiment, runner, lease, folder).make(ready, workers)
                left = [own for own in left if own not in ready]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def shares_trainings(experiment: Experiment) -> bool:
    """Whether other machines, if the command has chosen some, train its runs: if there are several,
    and neither torchrun nor srun has started processes that train each one together.
    """
    return len(experiment.runs) > 1 and not in_company()


def may_leave(run: Run) -> bool:
    """Whether a worker trains it: not if several processes do together, or a GPU of this machine."""
    import torch

    train = run.train
    return train.processes == 1 and (
        train.device == "cpu" or (train.device == "auto" and not torch.cuda.is_available())
    )


@dataclass(frozen=True)
class _Round:
    """Trainings of which none needs another. folder: of the outputs of tasks."""

    experiment: Experiment
    runner: Runner
    lease: Lease
    folder: Path

    def make(self, ready: Sequence[RunTraining], workers: Executor) -> None:
        """Those that are due and may leave by workers, then the others here."""
        away = [own for own in ready if may_leave(own.run) and any(self.runner.state(work).due for work in own.works)]
        if away:
            self._send(away, workers)
        for own in ready:
            if own not in away:
                self.runner.run(own.works)

    def _send(self, away: Sequence[RunTraining], workers: Executor) -> None:
        tasks = [task_of(self._task(own.run), self.lease, self.folder) for own in away]
        logs = self.experiment.layout.log("train").with_suffix("")
        log.info("train: %s to be made by workers, with logs in %s", counted(away, "run"), logs)
        ends = {task.output: RunEnd() for task in tasks}
        for done in workers.run(tasks):
            end = ends[done.output] = RunEnd.of(done)
            name = done.output.stem
            log.info("train %s: %s", name, f"failed: {end.cause}" if end.cause else "done")
        for own, end in zip(away, ends.values(), strict=True):
            if end.cause:
                raise RunFailed(f"run {own.run.name}: {end.cause}", end.stage)

    def _task(self, run: Run) -> RunTask:
        own = self.experiment
        return RunTask(
            project=Path.cwd(),
            recipe=own.loaded.folder,
            sets=tuple(own.loaded.sets),
            run=run.name,
            stages=("train",),
            log=own.layout.log(f"train/{run.name}"),
            accept_code=self.runner.accept_code,
            nj=own.nj,
            tells=True,
        )
