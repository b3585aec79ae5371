"""What is told of a trial, and which is the best."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from optuna import Study
from optuna.trial import FrozenTrial, TrialState

from asr_prune.search.beams import exact
from asr_prune.search.pruner import CAUSE, WITHIN, ended
from asr_prune.search.space import share_of

#: user attributes of trials
RUN_NAME, PRUNE, LOSS, SURELY, BEAM, TIME = "run", "prune", "loss", "surely", "beam", "time"
#: why a trial was ended early
BEYOND = "its cross-entropy on dev was too high to come within the bound"


def again(study: Study) -> int:
    """Trials that an interrupted search has left, or that the machine has ended, are tried again,
    first. Returns how many trials that have ended count for nothing.
    """
    lost = study.get_trials(deepcopy=False, states=(TrialState.FAIL,))
    crashed = [own for own in lost if CAUSE in own.user_attrs]
    known = [own.params for own in ended(study) if own not in crashed]
    left = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
    for own in left:
        study.tell(own.number, state=TrialState.FAIL)
    for params in _unlike([own.params for own in (*left, *crashed)], known):
        study.enqueue_trial(params)
    return len(crashed)


def _unlike(asked: Iterable[dict[str, Any]], known: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those of `asked` that `known` does not have, each once."""
    found: list[dict[str, Any]] = []
    for params in asked:
        if params not in (*known, *found):
            found.append(params)
    return found


def has_interval(trial: FrozenTrial) -> bool:
    """Whether the loss of a trial has an interval, as that of words has."""
    return "[" in trial.user_attrs.get(LOSS, "")


def best(study: Study, surely: bool = False) -> FrozenTrial | None:
    """The trial of the smallest network within the bound; surely: with its whole interval."""
    found = [own for own in ended(study) if (_surely(own) if surely else own.user_attrs.get(WITHIN))]
    return min(found, key=lambda own: own.values[0], default=None)


def _surely(trial: FrozenTrial) -> bool:
    """Studies of earlier versions call trials without an interval sure, too."""
    return bool(trial.user_attrs.get(SURELY)) and has_interval(trial)


def trial_line(trial: FrozenTrial) -> str:
    """A trial in words."""
    told = trial.user_attrs
    verdict = "within surely" if _surely(trial) else "within" if told.get(WITHIN) else "beyond"
    outcome = told.get(CAUSE) or f"loss {told[LOSS]}: {verdict}"
    if BEAM in told:
        outcome = f"with beam {exact(told[BEAM])} {told[TIME]:.3g} of the time, {outcome}"
    return (
        f"trial {trial.number}: {told.get(RUN_NAME, 'no run')}, {share_of(trial):.3g} of the dense network, {outcome}"
    )
