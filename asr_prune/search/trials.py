"""What is told of a trial, and which is the best."""

from __future__ import annotations

from optuna import Study
from optuna.trial import FrozenTrial, TrialState

from asr_prune.search.pruner import CAUSE, WITHIN, ended
from asr_prune.search.space import share_of

#: user attributes of trials
RUN_NAME, PRUNE, LOSS, SURELY, BEAM, TIME = "run", "prune", "loss", "surely", "beam", "time"
#: why a trial was ended early
BEYOND = "its cross-entropy on dev was too high to come within the bound"


def again(study: Study) -> None:
    """Trials that an interrupted search has left are tried again, first."""
    for own in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        study.enqueue_trial(own.params)
        study.tell(own.number, state=TrialState.FAIL)


def best(study: Study, surely: bool = False) -> FrozenTrial | None:
    """The trial of the smallest network within the bound; surely: with its whole interval."""
    found = [own for own in ended(study) if own.user_attrs.get(SURELY if surely else WITHIN)]
    return min(found, key=lambda own: own.values[0], default=None)


def trial_line(trial: FrozenTrial) -> str:
    """A trial in words."""
    told = trial.user_attrs
    verdict = "within surely" if told.get(SURELY) else "within" if told.get(WITHIN) else "beyond"
    outcome = told.get(CAUSE) or f"loss {told[LOSS]}: {verdict}"
    if BEAM in told:
        outcome = f"with beam {told[BEAM]:g} {told[TIME]:.3g} of the time, {outcome}"
    return (
        f"trial {trial.number}: {told.get(RUN_NAME, 'no run')}, {share_of(trial):.3g} of the dense network, {outcome}"
    )
