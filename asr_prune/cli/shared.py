"""What verbs share: their options, and for verbs on a run its folder, recipe, lock and log."""

from __future__ import annotations

import argparse
import math
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asr_prune.cli.executors import add_executor, executing
from asr_prune.errors import UserError
from asr_prune.layout import POOLED, Layout
from asr_prune.run_dir import RunDir
from asr_prune.stages import STAGES
from asr_prune.workflow.experiment import NJ, Experiment, experiment_of, open_experiment
from asr_prune.workflow.lock import locked
from asr_prune.workflow.log import logged
from asr_prune.workflow.runner import MissingInput

if TYPE_CHECKING:
    from asr_prune.corpus.channels import Channel

Verbs = argparse._SubParsersAction
RECIPE = "recipes/demo"


def positive(text: str) -> int:
    """A whole number of 1 or more, for argparse."""
    return _whole(text, 1)


def add_channel(verb: argparse.ArgumentParser) -> None:
    """--channel, as `corpus.channels.Channel`."""
    says = "channel of multi-channel files, from 1, or mix for the mean of all"
    verb.add_argument("--channel", type=_channel, metavar="N", help=says)


def _channel(text: str) -> Channel:
    if text != "mix" and (not text.isdecimal() or int(text) < 1):
        raise argparse.ArgumentTypeError(f"must be a whole number of 1 or more, or mix, not {text!r}")
    return "mix" if text == "mix" else int(text)


def not_negative(text: str) -> int:
    """A whole number of 0 or more, for argparse."""
    return _whole(text, 0)


def _whole(text: str, least: int) -> int:
    if not text.isdecimal() or len(text) > 9 or int(text) < least:
        raise argparse.ArgumentTypeError(f"must be a whole number of {least} or more, not {text!r}")
    return int(text)


def finite_number(text: str) -> float:
    """Any number but nan and infinity, for argparse."""
    return number_from(text, -sys.float_info.max, "must be a finite number")


def above_zero(text: str) -> float:
    """A number above 0, for argparse."""
    return number_from(text, sys.float_info.min, "must be a number above 0")


def number_from(text: str, least: float, must: str) -> float:
    """A finite number of `least` or more, for argparse; must: what the message says of others."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not least <= value < math.inf:
        raise argparse.ArgumentTypeError(f"{must}, not {text!r}")
    return value


def add_verb(verbs: Verbs, name: str, says: str, act: Callable[..., Any], example: str) -> argparse.ArgumentParser:
    """A verb with its help, description and example."""
    verb: argparse.ArgumentParser = verbs.add_parser(
        name, help=says, description=says, epilog=f"example: asr-prune {name} {example}".rstrip()
    )
    verb.set_defaults(act=act, verb=name)
    return verb


def add_recipe_options(
    verb: argparse.ArgumentParser, default: str | None = RECIPE, nj: bool = True, elsewhere: bool = True
) -> None:
    """--recipe and what `add_set_options` adds. default: None takes the recipe that a run is of."""
    usual = "%(default)s" if default else "recipes/NAME for a run in exp/NAME"
    verb.add_argument("--recipe", default=default, help=f"folder with a recipe.yaml (default: {usual})")
    add_set_options(verb, nj, elsewhere)


def add_accept_code(verb: argparse.ArgumentParser) -> None:
    """--accept-code, of commands that run stages."""
    says = "keep results whose code alone has changed, and record that in the results"
    verb.add_argument("--accept-code", action="store_true", help=says)


def add_set_options(verb: argparse.ArgumentParser, nj: bool = True, elsewhere: bool = True) -> None:
    """--set, if the verb shares work --nj, and if other machines may do it --executor."""
    verb.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change one key; repeatable")
    if nj:
        verb.add_argument("--nj", type=positive, default=NJ, help="processes (default: %(default)s)")
        if elsewhere:
            add_executor(verb)


def add_run_options(
    verb: argparse.ArgumentParser,
    stage: str,
    nj: bool = True,
    on: bool = False,
    first: str = "folder",
    elsewhere: bool = True,
) -> None:
    """The folder of a run after `stage`, the options of its recipe and, if the verb looks at one
    set, --on.
    """
    verb.add_argument(first, type=Path, metavar="RUN", help=f"folder of a run after the {stage} stage")
    add_recipe_options(verb, None, nj, elsewhere)
    if on:
        verb.add_argument("--on", choices=("test", "dev"), default="test", help="which set (default: %(default)s)")


def given_experiment(options: argparse.Namespace) -> Experiment:
    """The experiment of --recipe, --set and --nj. Raises UserError if the recipe or one of its runs
    is not valid.
    """
    return open_experiment(options.recipe, options.set, getattr(options, "nj", NJ))


def run_folder(path: Path, needed: Callable[[RunDir], Path], stage: str) -> RunDir:
    """A run named on the command line. Raises UserError if the file that `stage` makes is missing."""
    run = RunDir.given(path)
    if Layout.of_run(run).fold == POOLED and not needed(run).is_file():
        one = run.path.parents[2] / "1/runs" / run.name
        raise UserError(f"{run.path} has the figures of all folds and no network; give one fold's run, such as {one}.")
    if not needed(run).is_file():
        raise MissingInput(needed(run), stage)
    return run


def open_run(options: argparse.Namespace, needed: Callable[[RunDir], Path], stage: str) -> tuple[Experiment, RunDir]:
    """A run and its experiment: of --recipe, or of recipes/NAME for a run in exp/NAME.

    needed: a file of the run that `stage` makes. Raises UserError if that is missing, or the run is
    of another recipe.
    """
    run = run_folder(options.folder, needed, stage)
    experiment = experiment_of(run, options.recipe, options.set, getattr(options, "nj", NJ))
    return experiment, run


def need_words(experiment: Experiment) -> None:
    """Raises UserError if networks are not decoded here, but by what they were imported from."""
    if experiment.imported:
        model = experiment.loaded.recipe.network.model
        raise UserError(
            f"the network of {model} is decoded by Kaldi or Vosk, not here; "
            "export it with asr-prune export RUN OUT --nnet3 or --vosk."
        )


def restarting(options: argparse.Namespace, experiment: Experiment, stage: str | None = None) -> str:
    """What to type to go on from `stage`, with the --accept-code that was given."""
    accepted = " --accept-code" if getattr(options, "accept_code", False) else ""
    return experiment.command(stage) + accepted


def same_command(options: argparse.Namespace) -> str:
    """The command that was typed, which goes on with what it began."""
    return shlex.join(["asr-prune", *options.typed])


@contextmanager
def working(options: argparse.Namespace, experiment: Experiment, again: str = "") -> Iterator[Experiment]:
    """While a verb works on an experiment: lock and log; if it fails, its cause and how to go on:
    with `again`, or from the stage that failed.
    """
    layout, verb = experiment.layout, options.verb
    restart = partial(restarting, options, experiment)
    again = again or restart(verb if verb in STAGES else None)
    where = executing(experiment.loaded.recipe.executor)
    with locked(layout.lock), logged(verb, layout.log(verb), again, restart), where:
        yield experiment


@contextmanager
def working_on_run(
    options: argparse.Namespace, needed: Callable[[RunDir], Path], stage: str
) -> Iterator[tuple[Experiment, RunDir]]:
    """As `open_run`, with lock and log, for verbs that write into the run's folder."""
    experiment, run = open_run(options, needed, stage)
    with working(options, experiment, same_command(options)):
        yield experiment, run
