"""Verbs on a recipe: the stages, check and ladder."""

from __future__ import annotations

import argparse

from asr_prune.acoustic.distributed.following import company, in_company
from asr_prune.cli.executors import described
from asr_prune.cli.shared import (
    Verbs,
    add_accept_code,
    add_recipe_options,
    add_verb,
    given_experiment,
    need_words,
    positive,
    same_command,
    working,
)
from asr_prune.integrity import checked
from asr_prune.recipe.executor_file import CLUSTER_FILE, read_executor
from asr_prune.report.imported_runs import imported_lines
from asr_prune.spread.options import ExecutorOptions
from asr_prune.stages import STAGES, all_works, works_of
from asr_prune.stages.corpus import check_script
from asr_prune.stages.trainings import run_trainings
from asr_prune.workflow.experiment import Experiment
from asr_prune.workflow.runner import Runner


def add_verbs(verbs: Verbs) -> None:
    """The ten stages, check and ladder."""
    example = "--recipe recipes/demo --set train.epochs=4"
    for number, (name, says) in enumerate(STAGES.items()):
        verb = add_verb(verbs, name, f"stage {number}: {says}", run_stage, example)
        add_recipe_options(verb)
        add_accept_code(verb)
    says = "read the recipe and the options of its script, report what is wrong or list the runs; nothing is run"
    add_recipe_options(add_verb(verbs, "check", says, check, example))
    says = "decode and score the passes of the GMM-HMM themselves"
    verb = add_verb(verbs, "ladder", says, run_ladder, "--recipe recipes/an4 --seeds 8")
    add_recipe_options(verb)
    more = "train and decode the passes with N seeds, from the recipe's on; print medians and ranges"
    verb.add_argument("--seeds", type=positive, metavar="N", help=more)


def run_stage(options: argparse.Namespace) -> None:
    """Runs one stage; of the report the table is printed each time. Of several processes that
    torchrun or srun has started, the first does, and the others train with it.
    """
    if options.verb != "train" or not in_company():
        _run_stage(options)
        return
    with company() as first:
        if first:
            _run_stage(options)


def _run_stage(options: argparse.Namespace) -> None:
    with working(options, given_experiment(options)) as experiment:
        works, runner = works_of(options.verb, experiment), Runner(experiment.layout, options.accept_code)
        if options.verb == "train":
            run_trainings(experiment, runner)
        else:
            runner.run(works)
        if options.verb == "report":
            print_table(experiment)
        elif not works:
            print(f"{options.verb}: nothing to do for this recipe", flush=True)


def print_table(experiment: Experiment) -> None:
    """The table of all runs, and where its page lies; of an imported model a table of its own."""
    if experiment.imported:
        print("\n".join(imported_lines(experiment.layout.existing_runs())), flush=True)
        return
    layout = experiment.pooled.layout
    print(checked(layout.table).read_text(encoding="utf-8"), flush=True)
    print(f"report: {layout.report / 'index.html'}", flush=True)


def run_ladder(options: argparse.Namespace) -> None:
    """Decodes every pass, of one seed or of several."""
    from asr_prune.analysis.ladder import ladder, seeds_ladder

    experiment = given_experiment(options)
    need_words(experiment)
    with working(options, experiment, same_command(options)):
        runner = Runner(experiment.layout)
        if options.seeds is None:
            ladder(experiment, runner)
        else:
            seeds_ladder(experiment, runner, options.seeds)


def check(options: argparse.Namespace) -> None:
    """Reads the recipe and a cluster.yaml beside it, declares its works, looks at the options of
    its script, which is not run, and lists the runs.

    Raises UserError for everything that a stage would refuse before it begins.
    """
    experiment = given_experiment(options)
    executors = _executors(options, experiment)
    all_works(experiment)
    check_script(experiment)
    for run in experiment.runs:
        network = run.network.model or f"hidden {list(run.network.hidden)}"
        print(f"{run.name}: {run.prune.method}, {network}, {run.train.epochs} epochs")
    for where, executor in executors.items():
        print(f"{where}: {described(executor, experiment.nj)}")


def _executors(options: argparse.Namespace, experiment: Experiment) -> dict[str, ExecutorOptions]:
    """What the recipe or --executor chooses, and what a cluster.yaml beside the recipe would, by the
    names of where they stand. Raises UserError if that file is not valid.
    """
    own = experiment.loaded.recipe.executor
    found = {options.executor or "executor": own} if options.executor or own.type != "local" else {}
    if (cluster := experiment.loaded.folder / CLUSTER_FILE).is_file():
        found.setdefault(str(cluster), read_executor(cluster))
    return found
