"""How long the runs of a sweep take, by the estimates of `plan`."""

from __future__ import annotations

from collections.abc import Sequence

from asr_prune.analysis.amount import amounts
from asr_prune.analysis.estimate import Estimate
from asr_prune.analysis.workforce import Workforce
from asr_prune.stages import works_of
from asr_prune.sweep.points import SHARED_STAGES, SweepPoint
from asr_prune.workflow.experiment import Experiment
from asr_prune.workflow.runner import Runner, State

Row = tuple[State, Estimate]


class Forecast:
    """Every work of a sweep with what it takes, if it is due. nj: processes of the shared stages,
    or `force` if that is given; a run takes one. speech: as `amounts` gives it.
    """

    def __init__(
        self,
        points: Sequence[SweepPoint],
        runner: Runner,
        nj: int,
        force: Workforce | None = None,
    ) -> None:
        from asr_prune.analysis.estimates import Estimator  # imports torch and kaldifst
        from asr_prune.analysis.fold_estimates import FoldEstimator

        runs, shared = (Experiment(points[0].experiment.loaded, count) for count in (1, nj))
        for part in (runs, *runs.folds):
            part.runs = [point.run for point in points]
        self.speech = amounts(runs)
        self._runs = FoldEstimator(runs, self.speech)
        whole = Estimator(shared, self.speech, self._runs.whole.speeds, force)
        self._shared = FoldEstimator(shared, self.speech, whole)
        works = [work for stage in SHARED_STAGES for work in works_of(stage, shared)]
        states = runner.survey([*works, *(work for point in points for work in point.works())])
        self.rows = [(state, self._of(state)) for state in states]

    def _of(self, state: State) -> Estimate:
        return (self._runs if state.work.run else self._shared).of_state(state)

    def of_run(self, name: str) -> list[Row]:
        """The works of a run."""
        return [row for row in self.rows if row[0].work.run == name]

    def of_stage(self, stage: str) -> list[Row]:
        """The works of a stage."""
        return [row for row in self.rows if row[0].work.stage == stage]


def seconds_of(rows: Sequence[Row]) -> float | None:
    """Of all works that are due, as far as they are known; None if nothing of them is."""
    due = [estimate.seconds for state, estimate in rows if state.due]
    known = [seconds for seconds in due if seconds is not None]
    return sum(known) if known or not due else None
