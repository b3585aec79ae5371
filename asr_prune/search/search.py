"""Trials of ever smaller networks, one after another, kept in a study on disk."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

import optuna
import yaml
from optuna import Study, Trial
from optuna.trial import TrialState

from asr_prune.acoustic.options import NO_EFFECT
from asr_prune.errors import UserError
from asr_prune.pruning.budget import BudgetOptions
from asr_prune.pruning.networks import unmade
from asr_prune.pruning.nodes import request_of
from asr_prune.pruning.requests import CostRequest
from asr_prune.run_dir import RunDir
from asr_prune.search.beams import AtBeam, exact, speech_seconds
from asr_prune.search.bound import Bound, OnDev, final_ce
from asr_prune.search.epochs import Epochs, epochs_ce
from asr_prune.search.pruner import CAUSE, FINAL_CE, WITHIN, FallPruner, ended
from asr_prune.search.space import LEAST, Space, share_of
from asr_prune.search.trials import BEAM, BEYOND, LOSS, PRUNE, RUN_NAME, SURELY, TIME, again, best, trial_line
from asr_prune.sweep.points import RUN_STAGES, SweepPoint
from asr_prune.sweep.worker import Worker, run_task
from asr_prune.workflow.experiment import Experiment, open_experiment
from asr_prune.workflow.runner import Runner, State

log = logging.getLogger(__name__)

#: seconds between two looks at what a trial has reached
_LOOK = 2.0


@dataclass
class SizeSearch:
    """The smallest network of `experiment` within a bound; the folder of its recipe and the
    settings are those of the experiment. beams: of the search for words, to try with each network;
    then the fastest of all pairs is looked for; dense_time: seconds per second of speech with the
    dense network; dense_beams: that network with each beam.
    """

    experiment: Experiment
    bound: Bound
    space: Space
    accept_code: bool = False
    beams: tuple[float, ...] = ()
    dense_time: float = 0.0
    dense_beams: list[AtBeam] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        """Where the studies of all searches lie."""
        return self.experiment.layout.exp / "search"

    def point(self, prune: dict[str, Any], beam: float | None = None) -> SweepPoint:
        """The run with this `prune:` block, decoded with the recipe's beam or another one. Raises
        UserError if it is not valid.
        """
        entry = yaml.safe_dump({"prune": prune}, default_flow_style=True, width=10**6).strip()
        loaded = self.experiment.loaded
        beams = [] if beam is None else [f"decode.beam={exact(beam)}"]
        sets = [*loaded.sets, *beams, f"runs=[{entry}]"]
        return SweepPoint(open_experiment(loaded.folder, sets, nj=1), prune["method"])

    def check(self) -> None:
        """Raises UserError if a method does not know what is varied, or not all of its values, or
        if there are folds, which have no dev in common.
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
        if cause := self._made(dense, self.bound.stages)[0]:
            raise UserError(f"the dense run {dense.name}, which losses are measured from, failed: {cause}.")
        folder = self._folder(dense)
        reference = self.bound.measured(folder)
        study = self._study(dense, reference)
        if self.beams:
            self.dense_time = speech_seconds(dense.experiment.layout, folder)
            self.dense_beams = self._beams({"method": "none"}, reference)
        self.space = replace(self.space, least=self._least(dense))
        if not study.get_trials(deepcopy=False):
            self.space.begin(study)
        trials += again(study)
        while len(ended(study)) < trials and self.space.left(study):
            self._try(study, study.ask(), reference)
        return study

    def _study(self, dense: SweepPoint, reference: OnDev) -> Study:
        """Of this bound and space, and of all that losses depend on."""
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        name = f"{self.bound.unit}-{self.bound.most:g}-{self._digest(dense, reference)[:8]}"
        self.folder.mkdir(parents=True, exist_ok=True)
        most = reference.ce + self.bound.most if self.bound.unit == "ce" else None
        return optuna.create_study(
            storage=f"sqlite:///{self.folder / 'study.db'}",
            study_name=name,
            sampler=optuna.samplers.TPESampler(seed=1, n_startup_trials=4),
            pruner=FallPruner(epochs_ce(self._folder(dense)), most),
            load_if_exists=True,
        )

    def _digest(self, dense: SweepPoint, reference: OnDev) -> str:
        """Of what makes a search another one: a change of the recipe, too, as the dense run shows it."""
        loaded, run = self.experiment.loaded, dense.run
        training = {key: value for key, value in vars(run.train).items() if key not in NO_EFFECT}
        words = [(own.name, own.ops) for own in reference.words]
        block = loaded.tree.get("prune"), loaded.recipe.decode, loaded.recipe.score
        told = (self.bound, self.space, loaded.sets, self.beams, run.network, training, run.seed, block)
        return hashlib.sha256(repr((*told, reference.ce, words)).encode()).hexdigest()

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

    def _try(self, study: Study, trial: Trial, dense: OnDev) -> None:
        """One trial: its value is the size of a network within the bound, 1 and more beyond it."""
        prune = self.space.suggest(trial)
        try:
            point = self.point(prune)
            trial.set_user_attr(RUN_NAME, point.name)
            trial.set_user_attr(PRUNE, prune)
            cause, of_network = self._made(point, self.bound.stages, trial)
        except UserError as error:
            cause, of_network = str(error), True
        if cause:
            state = TrialState.PRUNED if of_network else TrialState.FAIL
            trial.set_user_attr(CAUSE, cause)
            study.tell(trial, state=state)
        else:
            self._judge(study, trial, point, dense)
        log.info("%s", trial_line(study.get_trials()[trial.number]))

    def _judge(self, study: Study, trial: Trial, point: SweepPoint, dense: OnDev) -> None:
        run, loss = self._folder(point), self.bound.loss(dense, self._folder(point))
        value = share_of(study.get_trials(deepcopy=False)[trial.number])
        if self.beams:
            found = self._beams(trial.user_attrs[PRUNE], dense)
            within = [own for own in found if self.bound.within(own.loss)]
            chosen = min(within or found, key=lambda own: own.time)
            loss, value = chosen.loss, chosen.time
            trial.set_user_attr(BEAM, chosen.beam)
            trial.set_user_attr(TIME, chosen.time)
        figures = {
            FINAL_CE: final_ce(run),
            WITHIN: self.bound.within(loss),
            SURELY: self.bound.surely(loss),
            LOSS: str(loss),
        }
        for key, figure in figures.items():
            trial.set_user_attr(key, figure)
        study.tell(trial, value if figures[WITHIN] else 1 + loss.value - self.bound.most)

    def _beams(self, prune: dict[str, Any], dense: OnDev) -> list[AtBeam]:
        """The network of a run decoded with each beam, the widest first, up to the first that is
        beyond the bound. Raises UserError if that fails.
        """
        found: list[AtBeam] = []
        for beam in sorted(self.beams, reverse=True):
            point = self.point(prune, beam)
            if cause := self._made(point, RUN_STAGES)[0]:
                raise UserError(f"{point.name} with beam {exact(beam)} failed: {cause}.")
            folder = self._folder(point)
            time = speech_seconds(point.experiment.layout, folder) / self.dense_time
            found.append(AtBeam(beam, self.bound.loss(dense, folder), time))
            log.info("  %s, %s", point.name, found[-1])
            if not self.bound.within(found[-1].loss):
                break
        return found

    def _made(self, point: SweepPoint, stages: Sequence[str], trial: Trial | None = None) -> tuple[str, bool]:
        """Makes a run in a process of its own; why it did not come to its end, empty if it did, and
        whether that says something of the network, or of the machine alone.
        """
        out = point.experiment.layout.log(f"search/{point.name}")
        log.info("%s: %s", point.name, ", ".join(stages))
        anew = trial is not None and any(own.due for own in self._states(point, ("train",)))
        epochs = Epochs(self._folder(point), anew)
        worker = Worker(run_task(point, out, self.accept_code, tuple(stages)))
        try:
            while not wait([worker.process.sentinel], _LOOK):
                if trial is not None and self._hopeless(trial, epochs):
                    return BEYOND, True
        finally:
            worker.stop()
        if trial is not None:
            self._hopeless(trial, epochs)
        return worker.cause(), worker.refused

    def _states(self, point: SweepPoint, stages: Sequence[str]) -> list[State]:
        """Of the works of these stages of a run."""
        return list(Runner(point.experiment.layout, self.accept_code).survey(point.works(stages)))

    def _hopeless(self, trial: Trial, epochs: Epochs) -> bool:
        """Reports the epochs so far; whether the trial is to end here."""
        known = len(trial.study.get_trials(deepcopy=False)[trial.number].intermediate_values)
        for epoch, value in list(enumerate(epochs.ce(), 1))[known:]:
            trial.report(value, epoch)
        return bool(trial.should_prune())

    def finish(self, study: Study) -> None:
        """Decodes and scores the dense run and that of the smallest network within the bound; with
        beams the other trials as well, with the recipe's beam, so that the report compares all
        networks but the fastest as the recipe decodes them.

        Raises UserError if that fails.
        """
        found = best(study)
        done = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)) if self.beams else []
        points = [self.point(own.user_attrs[PRUNE]) for own in done]
        points.append(self.point({"method": "none"}))
        if found:
            points.append(self.point(found.user_attrs[PRUNE], found.user_attrs.get(BEAM)))
        for point in {own.name: own for own in points}.values():
            if not any(own.due or own.why for own in self._states(point, RUN_STAGES)):
                continue
            if cause := self._made(point, RUN_STAGES)[0]:
                raise UserError(f"{point.name} failed: {cause}.")
