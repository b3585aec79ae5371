"""What verbs share: the folder of a run, and a stage's surroundings."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from asr_prune.errors import UserError
from asr_prune.interrupts import interruptible
from asr_prune.recipe.load import load_recipe
from asr_prune.workflow.context import Context
from asr_prune.workflow.lock import locked
from asr_prune.workflow.log import Log, Stopped, tell


def run_folder(given: Path, needed: str, what: str) -> Path:
    """The run's folder from here, exp/<name>/runs/<run>. Raises UserError where it has no file `needed`."""
    folder = Path(os.path.relpath(given))
    if folder.parts[:1] != ("exp",) or not (folder / needed).is_file():
        raise UserError(
            f"{folder}/{needed} is not there under exp; from the project's folder, give {what}, for instance "
            "exp/demo/runs/dense."
        )
    return folder


@contextmanager
def working(options: argparse.Namespace, again: str = "") -> Iterator[Context]:
    """A stage's surroundings: context, lock, log; where it fails, its cause, the log's end, and how to go on: with
    `again`, or run.sh from the stage that failed.
    """
    context = Context(load_recipe(options.recipe, options.set), options.nj)
    with locked(context.exp):
        log = Log(context.exp / "log" / f"{options.verb}.log")
        try:
            with interruptible():
                yield context
        except BrokenPipeError:
            raise
        except (Exception, KeyboardInterrupt) as error:
            stage = getattr(error, "stage", "" if again else options.verb)
            raise Stopped(tell(options.verb, error, log, context.command(stage) if stage else again)) from error


def recipe_of(options: argparse.Namespace, needed: str, what: str) -> tuple[Context, Path]:
    """The recipe of the run that a command names, and the run's folder from here. Raises UserError as `run_folder`, and
    where the run is of another recipe.
    """
    folder = run_folder(options.folder, needed, what)
    context = Context(load_recipe(options.recipe or f"recipes/{folder.parts[1]}", options.set), options.nj)
    refuse_foreign(folder, context)
    return context, folder


def refuse_foreign(folder: Path, context: Context) -> None:
    """Raises UserError where the folder is of no run of the recipe."""
    if context.exp not in folder.parents:
        raise UserError(f"{folder} is no run of {context.loaded.folder}; name its recipe with --recipe.")
