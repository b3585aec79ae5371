"""Trials of ever smaller networks, one after another, kept in a study on disk."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

import optuna
import yaml
from optuna import Study, Trial
from optuna.trial import FrozenTrial, TrialState

from asr_prune.errors import UserError
from asr_prune.pruning.budget import BudgetOptions
from asr_prune.pruning.networks import unmade
from asr_prune.pruning.nodes import request_of
from asr_prune.pruning.requests import CostRequest
from asr_prune.run_dir import RunDir
from asr_prune.search.bound import Bound, epochs_ce, final_ce
from asr_prune.search.pruner import CAUSE, FINAL_CE, WITHIN, FallPruner, ended
from asr_prune.search.space import LEAST, Space, share_of
from asr_prune.sweep.points import RUN_STAGES, SweepPoint
from asr_prune.sweep.worker import RunTask, Worker
from asr_prune.workflow.experiment import Experiment, open_experiment

log = logging.getLogger(__name__)

#: seconds between two looks at what a trial has reached
_LOOK = 2.0
#: user attributes of trials
RUN_NAME, PRUNE, LOSS, SURELY = "run", "prune", "loss", "surely"


@dataclass
class SizeSearch:
    """The smallest network of `experiment` within a bound; the folder of its recipe and the settings
    are those of the experiment.
    """

    experiment: Experiment
    bound: Bound
    space: Space
    accept_code: bool = False

    @property
    def folder(self) -> Path:
        """Where the studies of all searches lie."""
        return self.experiment.layout.exp / "search"

    def point(self, prune: dict[str, Any]) -> SweepPoint:
        """The run with this `prune:` block. Raises UserError if it is not valid."""
        entry = yaml.safe_dump({"prune": prune}, default_flow_style=True, width=10**6).strip()
        loaded = self.experiment.loaded
        return SweepPoint(open_experiment(loaded.folder, [*loaded.sets, f"runs=[{entry}]"], nj=1), prune["method"])

    def check(self) -> None:
        """Raises UserError if a method does not know what is varied, or not all of its values, or if
        there are folds, which have no dev in common.
        """
        if self.experiment.recipe.corpus.folds:
            raise UserError("search compares runs on one dev set, and folds have one each; set corpus.folds to 0.")
        for method, end in product(self.space.methods, (0, 1)):
            varied = {key: ends[end] for key, ends in self.space.vary.items()}
            self.point({"method": method, "budget": {self.space.size: 1}, **varied})

    def run(self, trials: int) -> Study:
        """Goes on until `trials` have ended, or no method is worth another; returns the study.

        Raises UserError if the dense run fails.
        """
        dense = self.point({"method": "none"})
        if cause := self._made(dense, self.bound.stages):
            raise UserError(f"the dense run {dense.name}, which losses are measured from, failed: {cause}.")
        reference = self._folder(dense)
        study = self._study(epochs_ce(reference), final_ce(reference))
        self.space = replace(self.space, least=self._least(dense))
        if not study.get_trials(deepcopy=False):
            self.space.begin(study)
        again(study)
        while len(ended(study)) < trials and self.space.left(study):
            self._try(study, study.ask(), reference)
        return study

    def _study(self, dense: Sequence[float], dense_ce: float) -> Study:
        """Of this bound, space, recipe and settings."""
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        told = repr((self.bound, self.space, self.experiment.loaded.sets))
        name = f"{self.bound.unit}-{self.bound.most:g}-{hashlib.sha256(told.encode()).hexdigest()[:8]}"
        self.folder.mkdir(parents=True, exist_ok=True)
        most = dense_ce + self.bound.most if self.bound.unit == "ce" else None
        return optuna.create_study(
            storage=f"sqlite:///{self.folder / 'study.db'}",
            study_name=name,
            sampler=optuna.samplers.TPESampler(seed=1, n_startup_trials=4),
            pruner=FallPruner(dense, most),
            load_if_exists=True,
        )

    def _least(self, dense: SweepPoint) -> dict[str, float]:
        """The smallest fraction of the dense network that each method can reach."""
        experiment, found = dense.experiment, dict[str, float]()
        layers = unmade(dense.run.network, experiment.dim, experiment.outputs or 1).node_layers()
        for method in self.space.methods:
            own = self.point({"method": method, "budget": {self.space.size: 1}}).run.prune
            request = request_of(layers, replace(own, budget=BudgetOptions(**{self.space.size: LEAST})))
            found[method] = request.least_share() if isinstance(request, CostRequest) else LEAST
        return found

    def _folder(self, point: SweepPoint) -> RunDir:
        return point.experiment.run_dir(point.run)

    def _try(self, study: Study, trial: Trial, dense: RunDir) -> None:
        """One trial: its value is the size of a network within the bound, 1 and more beyond it."""
        prune = self.space.suggest(trial)
        try:
            point = self.point(prune)
            trial.set_user_attr(RUN_NAME, point.name)
            trial.set_user_attr(PRUNE, prune)
            cause = self._made(point, self.bound.stages, trial)
        except UserError as error:
            cause = str(error)
        if cause:
            state = TrialState.PRUNED if cause == BEYOND else TrialState.FAIL
            trial.set_user_attr(CAUSE, cause)
            study.tell(trial, state=state)
        else:
            self._judge(study, trial, self._folder(point), dense)
        log.info("%s", trial_line(study.get_trials()[trial.number]))

    def _judge(self, study: Study, trial: Trial, run: RunDir, dense: RunDir) -> None:
        loss = self.bound.loss(dense, run)
        within = self.bound.within(loss)
        figures = {
            FINAL_CE: final_ce(run),
            WITHIN: within,
            SURELY: self.bound.surely(loss),
            LOSS: str(loss),
        }
        for key, value in figures.items():
            trial.set_user_attr(key, value)
        share = share_of(study.get_trials(deepcopy=False)[trial.number])
        study.tell(trial, share if within else 1 + loss.value - self.bound.most)

    def _made(self, point: SweepPoint, stages: Sequence[str], trial: Trial | None = None) -> str:
        """Makes a run in a process of its own; why it did not come to its end, empty if it did."""
        out = point.experiment.layout.log(f"search/{point.name}")
        log.info("%s: %s", point.name, ", ".join(stages))
        worker = Worker(RunTask.of(point, out, self.accept_code, tuple(stages)))
        try:
            while not wait([worker.process.sentinel], _LOOK):
                if trial is not None and self._hopeless(trial, self._folder(point)):
                    return BEYOND
        finally:
            worker.stop()
        if trial is not None:
            self._hopeless(trial, self._folder(point))
        return worker.cause()

    def _hopeless(self, trial: Trial, run: RunDir) -> bool:
        """Reports the epochs so far; whether the trial is to end here."""
        known = len(trial.study.get_trials(deepcopy=False)[trial.number].intermediate_values)
        for epoch, value in list(enumerate(epochs_ce(run), 1))[known:]:
            trial.report(value, epoch)
        return bool(trial.should_prune())

    def finish(self, study: Study) -> None:
        """Decodes and scores the dense run and that of the smallest network within the bound.

        Raises UserError if that fails.
        """
        found = best(study)
        blocks = [{"method": "none"}, *([found.user_attrs[PRUNE]] if found else [])]
        for point in map(self.point, blocks):
            if cause := self._made(point, RUN_STAGES):
                raise UserError(f"{point.name} failed: {cause}.")


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
    return (
        f"trial {trial.number}: {told.get(RUN_NAME, 'no run')}, {share_of(trial):.3g} of the dense network, {outcome}"
    )
