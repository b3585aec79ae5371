"""The verb that makes many runs: sweep."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from asr_prune.analysis.workforce import Workforce, workforce
from asr_prune.cli.plan import divided, speech_lines, unknown_note, whole_duration
from asr_prune.cli.project import run_due
from asr_prune.cli.recipe import print_table
from asr_prune.cli.shared import (
    Verbs,
    add_accept_code,
    add_set_options,
    add_verb,
    same_command,
    working,
)
from asr_prune.errors import UserError, counted
from asr_prune.stages import works_of
from asr_prune.sweep.board import Board
from asr_prune.sweep.points import SHARED_STAGES, SweepPoint, points_of, reopened
from asr_prune.sweep.schedule import SweepSchedule
from asr_prune.workflow.log import print_messages
from asr_prune.workflow.runner import Runner

if TYPE_CHECKING:
    from asr_prune.sweep.forecast import Forecast


def add_verbs(verbs: Verbs) -> None:
    """sweep."""
    says = "make the runs that a file asks for: methods x keeps x strengths x seeds x networks x teachers"
    verb = add_verb(verbs, "sweep", says, sweep_runs, "recipes/an4/sweep.yaml --dry-run")
    verb.add_argument("file", type=Path, metavar="FILE", help="what to run: asr_prune/sweep/sweep.md")
    verb.add_argument("--recipe", type=Path, help="folder with a recipe.yaml (default: that of FILE)")
    add_set_options(verb)
    add_accept_code(verb)
    verb.add_argument("--dry-run", action="store_true", help="print the runs and the time they take, and run nothing")


def sweep_runs(options: argparse.Namespace) -> int:
    """Makes the runs that are due. Exit status 1 if one of them failed."""
    recipe = options.recipe or options.file.parent
    points = points_of(options.file, recipe, options.set)
    if options.dry_run:
        return print_forecast(points, options.nj, options.accept_code)
    again = same_command(options)
    if status := run_shared(points[0], options):
        print(f"all runs of the sweep need this stage; then go on with: {again}", file=sys.stderr)
        return status
    points = reopened(points)
    experiment = points[0].experiment
    with working(options, experiment, again):
        board = Board.of(points, experiment.sweeps / f"{options.file.stem}.json", options.nj)
        runner = Runner(experiment.layout, options.accept_code)
        SweepSchedule(board, runner).run()
        if board.of_state("done"):
            runner.run(works_of("report", experiment))
            print_table(experiment)
        print("\n".join(board.table()), flush=True)
    if failed := board.of_state("failed"):
        print(f"{counted(failed, 'run')} failed; try again with: {again}", file=sys.stderr)
    return int(bool(failed))


def run_shared(point: SweepPoint, options: argparse.Namespace) -> int:
    """Runs the stages that all runs share, each in a process of its own; the status of the one that
    failed. The runs of the recipe itself play no part.
    """
    loaded = point.experiment.loaded
    given = {"recipe": str(loaded.folder), "set": loaded.sets, "nj": options.nj}
    stages = {"stage": SHARED_STAGES[0], "stop_stage": SHARED_STAGES[-1]}
    try:
        return run_due(argparse.Namespace(**given, **stages, accept_code=options.accept_code))
    except UserError as error:  # a signal killed the stage
        print(f"asr-prune: {error}", file=sys.stderr)
        return 1


def print_forecast(points: list[SweepPoint], nj: int, accept_code: bool) -> int:
    """Prints the shared stages and the runs, whether they are due, and the time they take."""
    from asr_prune.sweep.forecast import Forecast

    print_messages(sys.stderr)
    where = points[0].experiment.loaded.recipe.executor
    force = workforce(where, nj)
    forecast = Forecast(points, Runner(points[0].experiment.layout, accept_code), nj, force)
    parts = {stage: forecast.of_stage(stage) for stage in SHARED_STAGES}
    parts |= {point.name: forecast.of_run(point.name) for point in points}
    times = {name: whole_duration(rows) for name, rows in parts.items()}
    wide, long = (max(map(len, texts)) for texts in (parts, times.values()))
    for name, rows in parts.items():
        to_do = any(state.due for state, _ in rows)
        print(f"{name:{wide}s}  {f'to do       {times[name]:>{long}s}' if to_do else 'up to date'}")
    print("\n".join(_totals(forecast, len(points), nj, force)))
    return 0


def _totals(forecast: Forecast, count: int, nj: int, force: Workforce) -> list[str]:
    """How many of `count` runs are due, and what they take together, as far as it is known."""
    runs = [row for row in forecast.rows if row[0].work.run]
    due = len({state.work.run for state, _ in runs if state.due})
    shared = [row for row in forecast.rows if not row[0].work.run]
    lines = [f"{counted(range(count), 'run')}, {due} to do"]
    if due and not forecast.speech:
        return [*lines, *speech_lines(forecast.speech)]
    lines[0] += f": {whole_duration(runs)} of one process"
    many = force.count if force.elsewhere else nj
    whole = whole_duration([*shared, *divided(runs, max(1, min(many, due)))])
    together = f"with the shared stages, {many} runs at a time"
    lines += [f"{together}: {whole}, as if nothing else ran"] * force.known
    lines += [f"The workers of the executor make the runs: {force.says}."] * force.elsewhere
    return [*lines, *([f"{note}."] if (note := unknown_note(forecast.rows)) else [])]
