"""What a search may vary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, get_args, get_type_hints

from optuna import Study, Trial
from optuna.trial import FrozenTrial, TrialState

from asr_prune.errors import UserError
from asr_prune.pruning.registry import find_options
from asr_prune.search.pruner import WITHIN, ended

#: the lowest and the highest value
Bounds = tuple[float, float]
#: the smallest fraction of the dense network that is tried
LEAST = 0.01
#: a method is searched no further once what it failed at is this near to what it has reached
NEAR = 1.04
#: how far from both a trial keeps
_MARGIN = NEAR**0.25
#: the fraction that is tried first
_FIRST = 0.25


@dataclass(frozen=True)
class Space:
    """methods: names; size: the kind of budget whose fraction is made small (params or macs); vary:
    keys of `prune` with the lowest and the highest value, tried evenly in the logarithm, whole
    numbers alone if both are of type int; least: the
    smallest fraction of the dense network that each method can reach, 0.01 if it is not known;
    timed: the fastest is looked for, which is not always the smallest.
    """

    methods: Sequence[str]
    size: str = "params"
    vary: Mapping[str, Bounds] = field(default_factory=dict)
    least: Mapping[str, float] = field(default_factory=dict)
    timed: bool = False

    def bracket(self, study: Study, method: str) -> tuple[float, float]:
        """Between which fractions of the dense network a method is worth another trial: below the
        smallest network of all that is within the bound, and above what was beyond it by this method.
        With further keys to vary, that says nothing of other values; nor does a trial that the
        machine has ended, of sizes.
        """
        least = max(LEAST, self.least.get(method, LEAST))
        if self.timed:
            return least, 1.0
        done = ended(study)
        best = min((share_of(own) for own in done if own.user_attrs.get(WITHIN)), default=1.0)
        beyond = [own for own in done if own.state != TrialState.FAIL and not own.user_attrs.get(WITHIN)]
        failed = [own for own in beyond if own.params["method"] == method]
        shares = [] if self.vary else [share_of(own) for own in failed]
        return max([least, *(share for share in shares if share < best)]), best

    def left(self, study: Study) -> list[str]:
        """The methods that are worth another trial."""
        brackets = {method: self.bracket(study, method) for method in self.methods}
        return [method for method, (low, high) in brackets.items() if low * NEAR < high]

    def begin(self, study: Study) -> None:
        """The first trial of each method is a quarter of the dense network, or the least that the
        method can reach, if that is more; none if no method can make the network smaller.
        """
        for method in self.left(study):
            share = max(_FIRST, self.bracket(study, method)[0] * _MARGIN)
            study.enqueue_trial({"method": method, f"share of {method}": share})

    def suggest(self, trial: Trial) -> dict[str, Any]:
        """The `prune:` block of a trial."""
        method = trial.suggest_categorical("method", list(self.methods))
        low, high = self.bracket(trial.study, method)
        low, high = low * _MARGIN, high / _MARGIN
        share = trial.suggest_float(f"share of {method}", low, max(low, high), log=True)
        varied = {key: _drawn(trial, key, *bounds) for key, bounds in self.vary.items()}
        return {"method": method, "budget": {self.size: float(f"{share:.3g}")}, **varied}


def _drawn(trial: Trial, key: str, low: float, high: float) -> float:
    if isinstance(low, int) and isinstance(high, int):
        return trial.suggest_int(key, low, high, log=True)
    return float(f"{trial.suggest_float(key, low, high, log=True):.3g}")


def with_whole(vary: Mapping[str, Bounds], methods: Sequence[str]) -> dict[str, Bounds]:
    """`vary` with bounds of type int for the keys that are whole numbers with one of the methods.
    Raises UserError if such a bound is none.
    """
    found = dict(vary)
    for key, bounds in vary.items():
        if any(_is_whole(method, key) for method in methods):
            low, high = bounds
            if not (float(low).is_integer() and float(high).is_integer()):
                given = f"--vary 'prune.{key}={low:g}:{high:g}'"
                raise UserError(f"{given}: prune.{key} takes whole numbers; give two.")
            found[key] = int(low), int(high)
    return found


def _is_whole(method: str, key: str) -> bool:
    cls = find_options(method)
    hint = get_type_hints(cls).get(getattr(cls, "ALIASES", {}).get(key, key))
    kinds = get_args(hint) or (hint,)
    return int in kinds and float not in kinds


def share_of(trial: FrozenTrial) -> float:
    """The fraction of the dense network that a trial was allowed."""
    return float(trial.params[f"share of {trial.params['method']}"])
