"""Verbs on a recipe: the stages, check, due and ladder."""

from __future__ import annotations

import argparse

from asr_prune.cli.shared import Verbs, add_recipe_options, add_verb, given_experiment, working
from asr_prune.recipe.load import load_recipe
from asr_prune.stages import STAGES, all_works, check_stage, works_of
from asr_prune.workflow.experiment import Experiment
from asr_prune.workflow.runner import Runner

ACCEPT = "keep results whose code alone has changed, and record that in the results"


def add_verbs(verbs: Verbs) -> None:
    """The ten stages, check, due and ladder."""
    example = "--recipe recipes/demo --set train.epochs=4"
    for number, (name, says) in enumerate(STAGES.items()):
        verb = add_verb(verbs, name, f"stage {number}: {says}", run_stage, example)
        add_recipe_options(verb)
        verb.add_argument("--accept-code", action="store_true", help=ACCEPT)
    says = "read the recipe, report what is wrong with it or list its runs"
    add_recipe_options(add_verb(verbs, "check", says, check, example))
    says = "say of each stage whether it has something to do, for run.sh"
    verb = add_verb(verbs, "due", says, print_due, "--recipe recipes/demo --stage train")
    add_recipe_options(verb)
    verb.add_argument("--accept-code", action="store_true", help=ACCEPT)
    verb.add_argument("--stage", default="corpus", help="first stage, a number or a name")
    verb.add_argument("--stop-stage", default="report", help="last stage, a number or a name")
    says = "decode and score the passes of the GMM-HMM themselves"
    add_recipe_options(add_verb(verbs, "ladder", says, run_ladder, example))


def run_stage(options: argparse.Namespace) -> None:
    """Runs one stage; of the report the table is printed each time."""
    with working(options, given_experiment(options)) as experiment:
        Runner(experiment.layout, options.accept_code).run(works_of(options.verb, experiment))
        if options.verb == "report":
            print_table(experiment)
        elif not works_of(options.verb, experiment):
            print(f"{options.verb}: nothing to do for this recipe", flush=True)


def print_table(experiment: Experiment) -> None:
    """The table of all runs, and where its page lies."""
    print(experiment.layout.table.read_text(encoding="utf-8"), flush=True)
    print(f"report: {experiment.layout.report / 'index.html'}", flush=True)


def run_ladder(options: argparse.Namespace) -> None:
    """Decodes every pass."""
    from asr_prune.analysis.ladder import ladder

    with working(options, given_experiment(options)) as experiment:
        ladder(experiment, Runner(experiment.layout))


def check(options: argparse.Namespace) -> None:
    """Reads the recipe and lists its runs."""
    for run in load_recipe(options.recipe, options.set).runs():
        print(f"{run.name}: {run.prune.method}, hidden {list(run.network.hidden)}, {run.train.epochs} epochs")


def print_due(options: argparse.Namespace) -> None:
    """A line for each stage: its name if it is due, or that it is up to date. The report is always due: it prints its
    table.
    """
    first, last = check_stage(options.stage), check_stage(options.stop_stage)
    chosen = list(STAGES)[list(STAGES).index(first) : list(STAGES).index(last) + 1]
    due = due_stages(given_experiment(options), options.accept_code)
    for stage in chosen:
        print(stage if stage in due or stage == "report" else f"{stage}: up to date")


def due_stages(experiment: Experiment, accept_code: bool) -> set[str]:
    """Stages with a work that is due; all of them if the corpus stage has yet to record its facts."""
    runner = Runner(experiment.layout, accept_code)
    due = {state.work.stage for state in runner.survey(all_works(experiment)) if state.due or state.why}
    runner.hashes.save()
    return set(STAGES) if "corpus" in due else due
