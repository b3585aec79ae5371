"""The verb that says what a recipe will do."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from asr_prune.analysis.workforce import Workforce, training_notes, workforce
from asr_prune.cli.shared import Verbs, add_set_options, add_verb, given_experiment
from asr_prune.recipe.blocks import Run
from asr_prune.stages import all_works
from asr_prune.stages.trainings import may_leave, shares_trainings
from asr_prune.workflow.experiment import Experiment
from asr_prune.workflow.log import print_messages
from asr_prune.workflow.runner import Runner, State

if TYPE_CHECKING:
    from asr_prune.analysis.amount import Amount
    from asr_prune.analysis.estimate import Estimate


def add_verbs(verbs: Verbs) -> None:
    """plan."""
    says = "list every work of a recipe, whether it is due and why, with estimates of frames, disk, memory and time"
    verb = add_verb(verbs, "plan", says, plan, "recipes/an4 --set train.epochs=4")
    verb.add_argument("recipe", nargs="?", default="recipes/demo", help="folder with a recipe.yaml (%(default)s)")
    add_set_options(verb)


def plan(options: argparse.Namespace) -> None:
    """Prints the table. Runs nothing and writes nothing."""
    from asr_prune.analysis.amount import amounts
    from asr_prune.analysis.estimates import Estimator
    from asr_prune.analysis.fold_estimates import FoldEstimator

    experiment = given_experiment(options)
    print_messages(sys.stderr)
    states = list(Runner(experiment.layout).survey(all_works(experiment)))
    speech = amounts(experiment)
    force = workforce(experiment.loaded.recipe.executor, experiment.nj)
    estimator = FoldEstimator(experiment, speech, Estimator(experiment, speech, force=force))
    rows = [(state, estimator.of_state(state)) for state in states]
    due = _trained(experiment, states)
    apart = trainings_apart(experiment, due, force)
    counts = [f"Work that is shared: {force.says}.", *training_notes([run.train for run in due])]
    if apart > 1:
        counts.append(f"Training: {apart} runs at a time, each by one worker; the time of all counts on it.")
    unknown = [] if experiment.facts else experiment.assumptions
    notes = [*plan_notes(rows, speech, unknown, counts), *estimator.of_fold.searches.notes]
    print("\n".join([*speech_lines(speech), "", *plan_table(rows, apart), "", *notes]))


def _trained(experiment: Experiment, states: Sequence[State]) -> list[Run]:
    """The runs whose networks are due."""
    due = {state.work.run for state in states if state.due and state.work.stage == "train"}
    return [run for run in experiment.runs if run.name in due]


def trainings_apart(experiment: Experiment, due: Sequence[Run], force: Workforce) -> int:
    """How many of the `due` runs are trained at a time."""
    if not force.elsewhere or not shares_trainings(experiment):
        return 1
    return max(1, min(force.count, sum(map(may_leave, due))))


def speech_lines(speech: dict[str, Amount]) -> list[str]:
    """A line for each set."""
    lines = []
    for part, amount in speech.items():
        count = f"{part:6s} {amount.utterances:7d} {'files' if part == 'corpus' else 'utterances'}"
        about = "about " if amount.estimated else ""
        words = f"  {amount.speakers:5d} speakers  {amount.words:8d} words" if amount.speakers else ""
        hours = f"{about}{amount.hours:.2f}" if amount.hours else "-"
        lines.append(f"{count}  {hours} h{words}")
    return lines or ["no speech yet: run the corpus stage first (asr-prune corpus), or set corpus.root"]


def plan_table(rows: Sequence[tuple[State, Estimate]], apart: int = 1) -> list[str]:
    """A line for each work, and a last one for all. apart: trainings at a time."""
    wide = max(len(work_name(state)) for state, _ in rows)
    lines = [f"{'stage':9s} {'work':{wide}s} {'frames':>9s} {'disk':>9s} {'memory':>9s} {'time':>9s}  due"]
    for state, estimate in rows:
        memory = ("~" if estimate.guessed and estimate.memory else "") + size_of_bytes(estimate.memory)
        figures = [amount_of(estimate.frames), size_of_bytes(estimate.disk), memory]
        time = ("~" if estimate.extrapolated else "") + duration(estimate.seconds)
        cells = " ".join(f"{figure:>9s}" for figure in (*figures, time))
        due = state.why if state.due else "up to date"
        lines.append(f"{state.work.stage:9s} {work_name(state):{wide}s} {cells}  {due}")
    known = [estimate for _, estimate in rows]
    disk, most = sum(own.disk or 0 for own in known), max((own.memory or 0 for own in known), default=0)
    about = "~" if any(own.guessed and own.memory == most > 0 for own in known) else ""
    trained = divided([row for row in rows if row[0].work.stage == "train"], apart)
    time = whole_duration([*(row for row in rows if row[0].work.stage != "train"), *trained])
    totals = f"{size_of_bytes(disk):>9s} {about + size_of_bytes(most):>9s} {time:>9s}"
    return [*lines, f"{'all':{wide + 20}s}{totals}"]


def whole_duration(rows: Sequence[tuple[State, Estimate]]) -> str:
    """Of all works that are due: a lower bound if some of them are not known."""
    due = [estimate for state, estimate in rows if state.due]
    known = [own.seconds for own in due if own.seconds is not None]
    if due and not known:
        return "-"
    about = "~" if any(own.extrapolated for own in due) else ""
    return ("at least " if len(known) < len(due) else "") + about + duration(sum(known))


def divided(rows: Sequence[tuple[State, Estimate]], by: int) -> list[tuple[State, Estimate]]:
    """The rows with the time that they take if `by` of them are done at a time."""
    shares = [None if own.seconds is None else own.seconds / by for _, own in rows]
    return [(state, replace(own, seconds=share)) for (state, own), share in zip(rows, shares, strict=True)]


def unknown_note(rows: Sequence[tuple[State, Estimate]]) -> str:
    """Which stages have due works whose time is not known; empty if none has."""
    blank = sorted({state.work.stage for state, own in rows if state.due and own.seconds is None})
    return f"Not estimated: the time of {', '.join(blank)}" if blank else ""


def work_name(state: State) -> str:
    """The piece, fold and run of a work; what it does if it is all of its stage."""
    work = state.work
    name = " ".join(filter(None, (work.piece, work.run))) or work.says
    return f"fold {work.fold} {name}" if work.fold else name


def plan_notes(
    rows: Sequence[tuple[State, Estimate]],
    speech: dict[str, Amount],
    unknown: Sequence[str],
    counts: Sequence[str],
) -> list[str]:
    """What the figures are, whom they count on, and what they leave out."""
    if not unknown and not any(state.due for state, _ in rows):
        return ["everything is up to date: nothing would be done"]
    lines = []
    if unknown:
        lines.append(f"Not known before the corpus stage has run: {'; '.join(unknown)}.")
    lines.append("All figures are estimates, from a second of each kind of work on this machine, as if it were idle.")
    lines += counts
    if note := unknown_note(rows):
        lines.append(f"{note}; the size of the graph; what pruning adds.")
    if "corpus" in speech:
        lines.append("The corpus stage has not run: all of its audio counts as training speech.")
    return lines


def amount_of(count: int | None) -> str:
    """A number of things."""
    return "-" if not count else f"{count / 1e6:.2f} M" if count >= 1e6 else f"{count / 1e3:.0f} k"


def size_of_bytes(count: int | None) -> str:
    """A number of bytes."""
    return "-" if not count else f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"


def duration(seconds: float | None) -> str:
    """A number of seconds."""
    if seconds is None:
        return "-"
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
