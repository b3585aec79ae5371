"""Verbs that look at the runs of a project: list, show and results."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from asr_prune.cli.shared import Verbs, add_recipe_options, add_verb, given_experiment
from asr_prune.errors import UserError, counted
from asr_prune.files import atomic
from asr_prune.layout import FOLDS, POOLED, Layout
from asr_prune.report.former import runs_of_now
from asr_prune.report.results import Result
from asr_prune.report.results_page import PLOT, differences, read_results_page, results_page
from asr_prune.report.run_card import run_card
from asr_prune.report.run_list import SORTS, run_list
from asr_prune.report.sets import by_seed, compare_all, read_run
from asr_prune.report.unfinished import refuse_imported
from asr_prune.run_dir import RunDir
from asr_prune.stages import works_of
from asr_prune.sweep.board import failures
from asr_prune.text import decoded
from asr_prune.workflow.experiment import Experiment
from asr_prune.workflow.ledger import OTHER_SETTINGS
from asr_prune.workflow.runner import Runner

#: the page of the report, beside recipe.yaml
PAGE = "results.html"


def add_verbs(verbs: Verbs) -> None:
    """list, show and results."""
    says = "list all runs of the project, finished or not, in the words of the report"
    verb = add_verb(verbs, "list", says, list_runs, "exp/an4 --only keep0.25 --sort wer")
    verb.add_argument("folders", type=Path, nargs="*", metavar="EXP", help="folders exp/NAME (default: all)")
    verb.add_argument("--only", default="", metavar="TEXT", help="runs whose name contains this")
    verb.add_argument("--sort", choices=SORTS, help="smallest first (default: the order of the report)")
    says = "show everything about a run: figures, layers, epochs, errors by speaker, its command"
    verb = add_verb(verbs, "show", says, show, "exp/demo/runs/group_lasso-keep0.5")
    verb.add_argument("folder", type=Path, metavar="RUN", help="folder of a run")
    says = (
        "write RESULTS.md beside recipe.yaml: medians and ranges over seeds of all finished runs, with their commands"
    )
    verb = add_verb(verbs, "results", says, write_results, "--recipe recipes/an4")
    add_recipe_options(verb, nj=False)
    verb.add_argument("--only", default="", metavar="TEXT", help="runs whose name contains this")
    verb.add_argument("--into", type=Path, metavar="DIR", help="folder of RESULTS.md (default: that of recipe.yaml)")
    what = verb.add_mutually_exclusive_group()
    what.add_argument("--check", action="store_true", help="write nothing: compare the runs here with RESULTS.md")
    what.add_argument("--page", action="store_true", help=f"copy the page of the report there, too, as {PAGE}")


def list_runs(options: argparse.Namespace) -> None:
    """Prints a table for each experiment that has such runs. Raises UserError if none has."""
    layouts = [_layout(folder) for folder in options.folders] or _all()
    named = [own for own in layouts if any(options.only in run.name for run in own.existing_runs())]
    if not named and len(layouts) > 1:
        what = f"none of the {len(layouts)} experiments has a run whose name contains {options.only!r}"
        raise UserError(f"{what}; asr-prune list without arguments lists all that there is.")
    lists = [run_list(own, failures(own), options.only, options.sort) for own in named or layouts]
    print("\n".join(lists), end="")


def _layout(folder: Path) -> Layout:
    """Of exp/NAME. Raises UserError if that is not what `folder` is."""
    layout = Layout.of_pass(folder / "align/any")
    if layout.exp.resolve() != folder.resolve() or not layout.runs.is_dir():
        raise UserError(f"{folder} is not the folder of an experiment with runs; give one such as exp/demo.")
    return Layout(layout.name) if layout.root.resolve() == Path.cwd() else layout


def _all() -> list[Layout]:
    """The experiments of the current folder, and what their folds have given together. Raises
    UserError if there are none.
    """
    folders = [folder for kind in ("*", f"*/{FOLDS}*/{POOLED}") for folder in Path("exp").glob(f"{kind}/runs")]
    found = [Layout(str(path.parent.relative_to("exp"))) for path in sorted(folders) if any(path.iterdir())]
    if not found:
        raise UserError(
            "there are no runs in exp/; change to the folder of a project, or make some with asr-prune run."
        )
    return found


def show(options: argparse.Namespace) -> None:
    """Prints the run. Raises UserError if there is no such folder."""
    run = RunDir.given(options.folder)
    if not run.path.is_dir():
        raise UserError(f"{run.path} does not exist; `asr-prune list` lists the runs that there are.")
    print(run_card(run), end="")


def write_results(options: argparse.Namespace) -> int:
    """Writes the page, or compares it; exit status 1 if a row is not what the page says."""
    from asr_prune.analysis.result_facts import result_facts
    from asr_prune.report.wer_plot import wer_plot

    experiment = given_experiment(options)
    folder, layout = options.into or experiment.loaded.folder, experiment.pooled.layout
    finished = [run for run in layout.existing_runs() if run.result.is_file() and options.only in run.name]
    runs, left_out = runs_of_now(finished)
    if not runs:
        refuse_imported(layout.existing_runs())
        which = f" whose name contains {options.only!r}" if options.only else ""
        raise UserError(f"{layout.runs} has no finished run{which}; make some first: {experiment.command()}")
    sets = {name: [own.result for own in group] for name, group in by_seed([read_run(r, "test") for r in runs]).items()}
    path = folder / "RESULTS.md"
    print("".join(f"left out: {sentence}\n" for sentence in left_out), end="")
    if options.check:
        return _compare(path, sets)
    if options.page:
        _copy_page(experiment, folder / PAGE)
    kept = {row.run: row for rows in sets.values() for row in rows}
    facts = result_facts(experiment, [layout.run(name) for name in kept], list(kept.values()))
    with atomic(folder / PLOT, "wb") as picture:
        wer_plot(list(kept.values()), experiment.name).savefig(picture, format="png", dpi=100, facecolor="white")
    with atomic(path) as file:
        file.write(results_page(experiment.name, sets, _letters(layout, sets), facts))
    print(f"{path}: {counted(sets, 'row')}, {counted(kept, 'run')}")
    return 0


def _copy_page(experiment: Experiment, path: Path) -> None:
    """Raises UserError if the page is not of the runs as they are now, or of other settings."""
    page, again = experiment.pooled.layout.report / "index.html", experiment.command_of("report")
    changes = _since_report(experiment)
    if OTHER_SETTINGS in changes:
        what = f"{page} was made with other settings of report or score"
        raise UserError(f"{what}; give the --set that it was made with, or make it again: {again}")
    if changes:
        what = f"{page} is not up to date ({'; '.join(changes)})"
        raise UserError(f"{what}; make it again first: {again}")
    with atomic(path, "wb") as file:
        file.write(page.read_bytes())
    print(path)


def _since_report(experiment: Experiment) -> list[str]:
    """What has changed since the report was made, in words. Which passes or features the recipe
    reads now does not count: files that the report has read must be what they were, and so must the
    runs, new ones included.
    """
    layout, (work,) = experiment.pooled.layout, works_of("report", experiment)
    runner = Runner(layout)
    recorded = runner.ledger(work).recorded(work.entry)
    if not recorded:
        return ["not made yet"]
    now = runner.fingerprint(work)
    read = {name: runner.hashes.of(Path(name)) for name in recorded["inputs"]}
    runs = {name: own for name, own in now.inputs.items() if layout.runs in Path(name).parents}
    if changes := replace(now, inputs=read | runs).changes(recorded):
        return [OTHER_SETTINGS if OTHER_SETTINGS in changes else f"changed: {'; '.join(changes)}"]
    lost = runner.ledger(work).lost_output(work.entry)
    return [f"{lost} is {'changed' if lost.exists() else 'missing'}"] if lost else []


def _letters(layout: Layout, sets: dict[str, list[Result]]) -> dict[str, str]:
    """Of the sets whose runs are compared with one another, as they are now."""
    comparison = compare_all(layout.existing_runs(), samples=0, seed=0)  # letters need no intervals
    if comparison is None:
        return {}
    now = {name: {row.run for row in rows} for name, rows in sets.items()}
    found = {}
    for row, results in zip(comparison.rows, comparison.results, strict=True):
        if now.get(row.runs.name) == {one.run for one in results}:
            found[row.runs.name] = row.letters
    return found


def _compare(path: Path, sets: dict[str, list[Result]]) -> int:
    if not path.is_file():
        raise UserError(f"{path} does not exist; write it with asr-prune results.")
    page = read_results_page(decoded(path.read_bytes(), path), str(path))
    found = differences(page, sets)
    both = sum(row.name in sets for row in page)
    print("\n".join([*found, f"{path}: {both} of {len(page)} rows made here, {len(found)} of them differ"]))
    return int(bool(found) or not both)
