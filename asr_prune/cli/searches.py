"""The verb that looks for the smallest network within a loss: search."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from asr_prune.cli.recipe import print_table
from asr_prune.cli.shared import (
    Verbs,
    above_zero,
    add_accept_code,
    add_set_options,
    add_verb,
    given_experiment,
    number_from,
    positive,
    same_command,
    working,
)
from asr_prune.cli.sweeps import run_shared
from asr_prune.errors import UserError, did_you_mean
from asr_prune.pruning.registry import find_options, method_names
from asr_prune.stages import works_of
from asr_prune.workflow.experiment import Experiment
from asr_prune.workflow.runner import Runner

if TYPE_CHECKING:
    from optuna import Study

    from asr_prune.search.bound import Bound


def add_verbs(verbs: Verbs) -> None:
    """search."""
    says = "look for the smallest network that loses no more than this on dev: one run after another"
    verb = add_verb(verbs, "search", says, search_runs, "recipes/an4 --max-ce-loss 0.05 --trials 8")
    verb.add_argument("recipe", help="folder with a recipe.yaml")
    bound = verb.add_mutually_exclusive_group(required=True)
    bound.add_argument("--max-ce-loss", type=_loss, metavar="NATS", help="cross-entropy above the dense network's")
    bound.add_argument("--max-wer-loss", type=_loss, metavar="PERCENT", help="WER above the dense network's, absolute")
    verb.add_argument("--trials", type=positive, default=10, help="runs at most (default: %(default)s)")
    verb.add_argument(
        "--method", action="append", default=[], help="try this method (default: the recipe's); repeatable"
    )
    verb.add_argument("--size", choices=("params", "macs"), default="params", help="what to make small (%(default)s)")
    verb.add_argument(
        "--vary", action="append", default=[], metavar="prune.KEY=LOW:HIGH", help="try values; repeatable"
    )
    more = "decode with this beam too, and look for the fastest network and beam instead; repeatable"
    verb.add_argument("--beam", action="append", default=[], type=above_zero, metavar="BEAM", help=more)
    add_set_options(verb)
    add_accept_code(verb)


def _loss(text: str) -> float:
    return number_from(text, 0.0, "must be a number of 0 or more")


def search_runs(options: argparse.Namespace) -> int:
    """Makes the trials that are left of the search, and the report. Exit status 1 if no network was
    within the bound.
    """
    experiment = given_experiment(options)
    methods = options.method or [str(experiment.recipe.prune.get("method", "none"))]
    for method in methods:
        _check_method(method)
    vary = dict(map(_varied, options.vary))
    try:
        from asr_prune.search.beams import check_beams
        from asr_prune.search.bound import Bound
        from asr_prune.search.search import SizeSearch
        from asr_prune.search.space import Space, with_whole
        from asr_prune.search.trials import best
    except ModuleNotFoundError as error:
        raise UserError(f"search needs optuna ({error}); run `pip install 'asr_prune[search]'`.") from error
    in_wer = options.max_wer_loss is not None
    bound = Bound("wer", options.max_wer_loss) if in_wer else Bound("ce", options.max_ce_loss)
    beams = tuple(options.beam)
    check_beams(beams, bound.unit, experiment.graph is not None)
    space = Space(tuple(methods), options.size, with_whole(vary, methods), timed=bool(beams))
    search = SizeSearch(experiment, bound, space, options.accept_code, beams)
    search.check()
    command = same_command(options)
    if status := run_shared(search.point({"method": "none"}), options):
        print(f"all trials need this stage; then go on with: {command}", file=sys.stderr)
        return status
    with working(options, experiment, command):
        search.experiment = Experiment(experiment.loaded, options.nj)
        study = search.run(options.trials)
        search.finish(study)
        Runner(experiment.layout, options.accept_code).run(works_of("report", search.experiment))
        print_table(search.experiment)
    for own in search.dense_beams:
        print(f"the dense network with {own}")
    print("\n".join(outcome(study, bound)), flush=True)
    return int(best(study) is None)


def outcome(study: Study, bound: Bound) -> list[str]:
    """The trials, and what they have found."""
    from asr_prune.search.pruner import ended
    from asr_prune.search.trials import best, has_interval, trial_line

    lines = [trial_line(trial) for trial in ended(study)]
    found, sure = best(study), best(study, surely=True)
    if found is None:
        return [*lines, f"none of {len(lines)} trials had a {bound}; allow more, or go on with more --trials"]
    kind = "fastest" if "beam" in found.user_attrs else "smallest"
    lines.append(f"{kind} with a {bound}: {trial_line(found)}")
    if sure is None and any(map(has_interval, ended(study))):
        lines.append("of none does the whole interval lie within: this dev set cannot tell")
    elif sure and sure.number != found.number:
        lines.append(f"{kind} whose whole interval lies within: {trial_line(sure)}")
    return lines


def _check_method(name: str) -> None:
    """Raises UserError if a method is not known, or makes no network smaller."""
    if name not in method_names():
        raise UserError(f"--method {name!r} is not known{did_you_mean(name, method_names())}")
    cls = find_options(name)
    if not (cls.REMOVES or cls.SMALL):
        raise UserError(f"{name} ends with every node; name another method with --method.")


def _varied(text: str) -> tuple[str, tuple[float, float]]:
    """`prune.KEY=LOW:HIGH`. Raises UserError if it has another form."""
    key, _, values = text.partition("=")
    try:
        low, high = map(above_zero, values.split(":"))
    except (ValueError, argparse.ArgumentTypeError):
        low, high = 1.0, 0.0
    if not key.startswith("prune.") or low >= high:
        raise UserError(f"--vary {text!r} is not of the form prune.KEY=LOW:HIGH, as in prune.penalty=1e-5:1e-2.")
    return key.removeprefix("prune."), (low, high)
