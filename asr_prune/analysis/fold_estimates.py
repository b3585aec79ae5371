"""What each work of an experiment takes, those of the folds of a cross-validation included."""

from __future__ import annotations

from asr_prune.analysis.amount import Amount, amounts
from asr_prune.analysis.estimate import Estimate
from asr_prune.analysis.estimates import Estimator
from asr_prune.workflow.experiment import Experiment
from asr_prune.workflow.work import Work


class FoldEstimator:
    """whole: of works on the whole corpus; fold: of works in a fold, the first of which is as the
    others.
    """

    def __init__(self, experiment: Experiment, speech: dict[str, Amount]) -> None:
        self.whole = self.fold = Estimator(experiment, speech)
        if experiment.folds:
            first = experiment.folds[0]
            divided = (first.layout.set("train") / "text").is_file()
            # before the corpus is divided, with the sizes of all of it
            self.fold = Estimator(first, amounts(first) if divided else speech)

    def of(self, work: Work) -> Estimate:
        """What a work takes."""
        if work.fold and work.stage in ("corpus", "features"):
            return Estimate(0.0)  # tables alone are divided
        return (self.fold if work.fold else self.whole).of(work)
