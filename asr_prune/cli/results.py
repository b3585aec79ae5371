"""Verbs that look at the runs of a project: list and show."""

from __future__ import annotations

import argparse
from pathlib import Path

from asr_prune.cli.shared import Verbs, add_verb
from asr_prune.errors import UserError
from asr_prune.layout import Layout
from asr_prune.report.run_card import run_card
from asr_prune.report.run_list import SORTS, run_list
from asr_prune.run_dir import RunDir
from asr_prune.sweep.board import failures


def add_verbs(verbs: Verbs) -> None:
    """list and show."""
    says = "list all runs of the project, finished or not, in the words of the report"
    verb = add_verb(verbs, "list", says, list_runs, "exp/an4 --only keep0.25 --sort wer")
    verb.add_argument("folders", type=Path, nargs="*", metavar="EXP", help="folders exp/NAME (default: all)")
    verb.add_argument("--only", default="", metavar="TEXT", help="runs whose name contains this")
    verb.add_argument("--sort", choices=SORTS, help="smallest first (default: the order of the report)")
    says = "show everything about a run: figures, layers, epochs, errors by speaker, its command"
    verb = add_verb(verbs, "show", says, show, "exp/demo/runs/group_lasso-keep0.5")
    verb.add_argument("folder", type=Path, metavar="RUN", help="folder of a run")


def list_runs(options: argparse.Namespace) -> None:
    """Prints a table for each experiment."""
    layouts = [_layout(folder) for folder in options.folders] or _all()
    lists = [run_list(own, failures(own.exp), options.only, options.sort) for own in layouts]
    print("\n".join(lists), end="")


def _layout(folder: Path) -> Layout:
    """Of exp/NAME. Raises UserError if that is not what `folder` is."""
    layout = Layout.of_pass(folder / "align/any")
    if layout.exp.resolve() != folder.resolve() or not layout.runs.is_dir():
        raise UserError(f"{folder} is not the folder of an experiment with runs; give one such as exp/demo.")
    return Layout(layout.name) if layout.root.resolve() == Path.cwd() else layout


def _all() -> list[Layout]:
    """The experiments of the current folder. Raises UserError if there are none."""
    found = [Layout(path.parent.name) for path in sorted(Path("exp").glob("*/runs")) if any(path.iterdir())]
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
