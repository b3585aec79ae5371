"""The verb that says what a recipe will do and take."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from asr_prune.cli.numbers import positive
from asr_prune.workflow.context import NJ

if TYPE_CHECKING:  # they load numpy
    from asr_prune.analysis.amount import Amount
    from asr_prune.analysis.estimates import Estimate
    from asr_prune.analysis.survey import Piece

    Rows = Sequence[tuple[Piece, Estimate]]


def add_plan_verb(verbs: argparse._SubParsersAction) -> None:
    """plan."""
    help_text = "say what a recipe will do, and estimate frames, disk, memory and time, before anything runs"
    example = "example: asr-prune plan recipes/an4 --set train.epochs=4"
    verb = verbs.add_parser("plan", help=help_text, description=help_text, epilog=example)
    verb.add_argument("recipe", nargs="?", default="recipes/demo", help="folder with a recipe.yaml (%(default)s)")
    verb.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change one key; repeatable")
    verb.add_argument("--nj", type=positive, default=NJ, help="processes (default: %(default)s)")
    verb.set_defaults(act=plan, verb="plan")


def plan(options: argparse.Namespace) -> None:
    """Prints the table; runs and writes nothing."""
    from asr_prune.analysis.amount import amounts
    from asr_prune.analysis.estimates import Estimate, Estimator
    from asr_prune.analysis.survey import Survey
    from asr_prune.recipe.load import load_recipe

    survey = Survey(load_recipe(options.recipe, options.set), options.nj)
    pieces, found = survey.walk(), amounts(survey)
    estimator = Estimator(survey, found)
    rows = [(piece, Estimate() if piece.up_to_date else estimator.of(piece)) for piece in pieces]
    print("\n".join([*speech(found), "", *table(rows), "", *notes(rows, found)]))


def speech(found: dict[str, Amount]) -> list[str]:
    """A line for each set."""
    lines = []
    for part, own in found.items():
        told = f"{part:6s} {own.utterances:7d} {'files' if part == 'corpus' else 'utterances'}"
        about = "about " if own.estimated else ""
        words = f"  {own.speakers:5d} speakers  {own.words:8d} words" if own.speakers else ""
        lines.append(f"{told}  {about}{own.hours:.2f} h{words}")
    return lines or ["no speech yet: the corpus stage must run first (asr-prune corpus), or corpus.root be set"]


def table(rows: Rows) -> list[str]:
    """A line for each piece of work, and a last one for all."""
    wide = max(len(name(piece)) for piece, _ in rows)
    lines = [f"{'stage':9s} {'what':{wide}s} {'state':11s} {'frames':>9s} {'disk':>9s} {'memory':>9s} {'time':>9s}"]
    for piece, own in rows:
        state = "up to date" if piece.up_to_date else "to do"
        figures = [amount(own.frames), size(own.disk), size(own.memory), duration(own.seconds)]
        told = " ".join(f"{figure:>9s}" for figure in figures)
        lines.append(f"{piece.stage:9s} {name(piece):{wide}s} {state:11s} {told}")
    known = [own for _, own in rows]
    disk, most = sum(own.disk or 0 for own in known), max((own.memory or 0 for own in known), default=0)
    seconds = sum(own.seconds or 0 for own in known)
    return [*lines, f"{'all':{wide + 32}s} {size(disk):>9s} {size(most):>9s} {duration(seconds):>9s}"]


def name(piece: Piece) -> str:
    """The piece and the run that it is of; what the stage does where it is all of that."""
    return " ".join(filter(None, (piece.piece, piece.run.name if piece.run else ""))) or piece.says


def notes(rows: Rows, found: dict[str, Amount]) -> list[str]:
    """What the figures are, and what they leave out."""
    if all(piece.up_to_date for piece, _ in rows):
        return ["everything is up to date: nothing would be done"]
    lines = ["All figures are estimates, from a second of each kind of work on this machine, as if nothing else ran."]
    if unknown := sorted({piece.stage for piece, own in rows if not piece.up_to_date and own.seconds is None}):
        lines.append(f"Not estimated: the time of {', '.join(unknown)}; the size of the graph; what pruning adds.")
    if "corpus" in found:
        lines.append("The corpus stage has not run: all of its audio counts as training speech.")
    return lines


def amount(count: int | None) -> str:
    """A number of things."""
    return "-" if not count else f"{count / 1e6:.2f} M" if count >= 1e6 else f"{count / 1e3:.0f} k"


def size(count: int | None) -> str:
    """A number of bytes."""
    return "-" if not count else f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"


def duration(seconds: float | None) -> str:
    """A number of seconds."""
    if seconds is None:
        return "-"
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
