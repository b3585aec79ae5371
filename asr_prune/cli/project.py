"""Verbs on a project folder: init, run and due."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
import time
from pathlib import Path

from asr_prune.cli.shared import (
    Verbs,
    add_accept_code,
    add_recipe_options,
    add_verb,
    given_experiment,
    restarting,
)
from asr_prune.errors import UserError
from asr_prune.interrupts import run_child
from asr_prune.recipe.load import load_recipe
from asr_prune.recipe.packaged import RECIPES, packaged_recipes, start_project
from asr_prune.stages import STAGES, all_works, stages_between
from asr_prune.workflow.experiment import Experiment
from asr_prune.workflow.lock import RUN
from asr_prune.workflow.runner import Runner


def add_verbs(verbs: Verbs) -> None:
    """init, run and due."""
    says = "make a project folder with a recipe that comes with asr_prune"
    verb = add_verb(verbs, "init", says, init, "my_project --recipe an4")
    verb.add_argument("folder", type=Path, metavar="DIR", help="new, empty, or a project without that recipe")
    names = ", ".join(packaged_recipes())
    verb.add_argument("--recipe", default="demo", help=f"one of {names} (default: demo)")
    says = "run all stages of a recipe, from audio to the table of word error rate against nodes"
    _add_stage_options(add_verb(verbs, "run", says, run_due, "--recipe recipes/demo --nj 4"))
    says = "say of each stage whether it has something to do, for run.sh"
    _add_stage_options(add_verb(verbs, "due", says, print_due, "--recipe recipes/demo --stage train"))


def _add_stage_options(verb: argparse.ArgumentParser) -> None:
    add_recipe_options(verb)
    add_accept_code(verb)
    verb.add_argument("--stage", default="corpus", help="first stage, a number or a name")
    verb.add_argument("--stop-stage", default="report", help="last stage, a number or a name")


def init(options: argparse.Namespace) -> None:
    """Writes the project folder and prints what to do next."""
    folder = start_project(options.folder, options.recipe)
    print(f"{folder}: recipe.yaml is ready to edit; README.md describes it. Then run")
    if options.folder.resolve() != Path.cwd():
        print(f"    cd {shlex.quote(str(options.folder))}")
    place = f"{RECIPES}/{options.recipe}"
    corpus = load_recipe(folder).recipe.corpus
    root = " --set corpus.root=FOLDER" if corpus.root_from and not corpus.root else ""
    print(f"    asr-prune run --recipe {place}{root}")
    if root:
        print(f"where FOLDER is that of the corpus; or set {corpus.root_from} to it.")


def run_due(options: argparse.Namespace) -> int:
    """Runs each stage that is due in a process of its own, as run.sh does.

    Memory is freed after each stage, and a stage that forks has no threads of an earlier one.
    """
    experiment = given_experiment(options)
    stages = _due_between(options, experiment)
    for stage in (stage for stage, due in stages.items() if not due):
        print(_up_to_date(stage), flush=True)
    took = []
    for stage in (stage for stage, due in stages.items() if due):
        begin = time.monotonic()
        if status := _run_stage(stage, options, experiment):
            return status
        took.append(f"{stage} {time.monotonic() - begin:.0f} s")
    if took:
        print(f"time: {', '.join(took)}")
    return 0


def _run_stage(stage: str, options: argparse.Namespace, experiment: Experiment) -> int:
    """Returns the exit status of a stage's process. Raises UserError if a signal killed it."""
    words = ["--recipe", options.recipe, "--nj", str(options.nj)]
    words += [word for text in options.set for word in ("--set", text)]
    words += ["--accept-code"] if options.accept_code else []
    # -P: a file of the current folder must not be imported instead of a library
    command = [sys.executable, "-P", "-m", "asr_prune.cli.main", stage, *words]
    # this process holds the experiment, between two stages too
    status = run_child(command, {RUN: str(os.getpid())} | os.environ)
    if status < 0:
        what = f"a signal ({-status}) killed the {stage} stage, perhaps for lack of memory"
        raise UserError(f"{what}; go on with: {restarting(options, experiment, stage)}")
    return status


def print_due(options: argparse.Namespace) -> None:
    """Prints a line for each stage: its name if it is due, or that it is up to date."""
    for stage, due in _due_between(options, given_experiment(options)).items():
        print(stage if due else _up_to_date(stage))


def _up_to_date(stage: str) -> str:
    return f"{stage}: up to date"


def _due_between(options: argparse.Namespace, experiment: Experiment) -> dict[str, bool]:
    """Whether each of the requested stages is due. The report always is: it prints its table."""
    chosen = stages_between(options.stage, options.stop_stage)
    due = {"report"} | _due_stages(experiment, options.accept_code, chosen[-1])
    return {stage: stage in due for stage in chosen}


def _due_stages(experiment: Experiment, accept_code: bool, last: str) -> set[str]:
    """Stages up to `last` with a due work; all of them if the corpus stage has yet to record its facts."""
    runner = Runner(experiment.layout, accept_code)
    states = runner.survey(all_works(experiment, last))
    due = {state.work.stage for state in states if state.due or state.why}
    runner.hashes.save()
    return set(STAGES) if "corpus" in due else due
