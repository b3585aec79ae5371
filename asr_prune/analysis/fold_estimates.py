"""Estimates of works with a cross-validation: those of all folds are as those of the first."""

from __future__ import annotations

from dataclasses import replace

from asr_prune.analysis.amount import Amount, amounts
from asr_prune.analysis.estimate import Estimate
from asr_prune.analysis.estimates import Estimator
from asr_prune.run_dir import RunDir
from asr_prune.text import file_lines
from asr_prune.workflow.experiment import Experiment
from asr_prune.workflow.runner import State
from asr_prune.workflow.work import Work

#: stages that only divide tables among folds
_DIVIDED = ("corpus", "features")


class FoldEstimator:
    """As `Estimator`, for the works of an experiment and of its folds, if it has some.

    of_fold: estimates what lies in a fold; without folds as everything else.
    """

    def __init__(
        self,
        experiment: Experiment,
        speech: dict[str, Amount],
        whole: Estimator | None = None,
    ) -> None:
        """speech: as `amounts` gives it; whole: estimates the experiment itself."""
        self.whole = whole or Estimator(experiment, speech)
        self.of_fold = self._of_first(experiment, speech) if experiment.folds else self.whole

    def _of_first(self, experiment: Experiment, speech: dict[str, Amount]) -> Estimator:
        """Before it is divided, with the sizes of the whole corpus."""
        fold = experiment.folds[0]
        fold.runs = experiment.runs
        divided = (fold.layout.set("train") / "text").is_file()
        own = amounts(fold) if divided else speech
        return Estimator(fold, own, self.whole.speeds, self.whole.force)

    def of_state(self, state: State) -> Estimate:
        """What is left of a work: nothing if it is up to date, and of a training that goes on from
        its checkpoint the time of its further epochs.
        """
        estimate = self.of(state.work) if state.due else Estimate()
        if estimate.seconds is None or not state.begun or state.work.entry != "train":
            return estimate
        return replace(estimate, seconds=estimate.seconds * (1 - _trained(state.work)))

    def of(self, work: Work) -> Estimate:
        """What a work takes."""
        if work.fold and work.stage in _DIVIDED:
            return Estimate(0.0)
        return (self.of_fold if work.fold else self.whole).of(work)


def _trained(work: Work) -> float:
    """The fraction of the epochs of an interrupted training that need not be done again."""
    run, epochs = RunDir(work.home), work.arguments["train"].epochs
    if not run.checkpoint.is_file() or not run.metrics.is_file():
        return 0.0
    return min(1.0, len(file_lines(run.metrics)) / epochs)
