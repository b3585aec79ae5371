"""Ends trials that cannot come within the bound any more."""

from __future__ import annotations

from collections.abc import Sequence

from optuna import Study
from optuna.pruners import BasePruner
from optuna.trial import FrozenTrial, TrialState

#: how much further than in any trial before the cross-entropy may fall from an epoch to the end
_FURTHER = 1.25
#: user attributes of trials: the cross-entropy on dev at the end, whether the loss is within the
#: bound, and why a trial did not come to its end
FINAL_CE, WITHIN, CAUSE = "dev_ce_final", "within", "cause"


class FallPruner(BasePruner):
    """Ends a trial whose cross-entropy on dev, were it to fall from this epoch to the end by a
    quarter more than that of the dense run or any finished trial has, would still be beyond `most`.
    It waits for a finished trial, because what is cut falls further than what is not.

    dense: cross-entropies of the dense run, by epoch; most: nats per frame; None: what the best trial
    beyond the bound ended with.
    """

    def __init__(self, dense: Sequence[float], most: float | None) -> None:
        self.dense, self.most = list(dense), most

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        done = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        epoch, most = trial.last_step, self.most if self.most is not None else _beyond(done)
        if epoch is None or most is None or not done or epoch >= len(self.dense):
            return False
        there = [own for own in done if epoch in own.intermediate_values]
        falls = [own.intermediate_values[epoch] - own.user_attrs[FINAL_CE] for own in there]
        furthest = max(0.0, self.dense[epoch - 1] - self.dense[-1], *falls)
        return trial.intermediate_values[epoch] - _FURTHER * furthest > most


def ended(study: Study) -> list[FrozenTrial]:
    """Trials that have ended, however, but for those that an interrupted search has left."""
    trials = study.get_trials(deepcopy=False)
    return [own for own in trials if own.state == TrialState.COMPLETE or CAUSE in own.user_attrs]


def _beyond(done: list[FrozenTrial]) -> float | None:
    return min((own.user_attrs[FINAL_CE] for own in done if not own.user_attrs[WITHIN]), default=None)
