"""The command line: every stage is a verb, and a few verbs more."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from asr_prune import __version__
from asr_prune.cli.common import refuse_foreign, run_folder, working
from asr_prune.cli.corpus import add_corpus_verbs
from asr_prune.cli.decode import add_decode_verbs
from asr_prune.cli.export import add_export_verb
from asr_prune.cli.kaldi import add_kaldi_verb
from asr_prune.cli.lm import add_lm_verb
from asr_prune.cli.numbers import positive
from asr_prune.cli.plan import add_plan_verb
from asr_prune.cli.report import add_explain_verb
from asr_prune.cli.score import add_score_verbs
from asr_prune.cli.transcribe import add_transcribe_verb
from asr_prune.process import settle
from asr_prune.stages import STAGES, find_stage
from asr_prune.workflow.context import NJ
from asr_prune.workflow.log import INTERRUPTED, Stopped, sentence


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one verb. Returns 0, or 1 where it failed; 130 where it was interrupted."""
    settle()
    options = parser().parse_args(arguments)
    try:
        return int(options.act(options) or 0)
    except Stopped as stopped:
        return stopped.status
    except KeyboardInterrupt:
        print("asr-prune: interrupted; the same command goes on from here.", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what reads our output has ended; so do we
        return 1
    except Exception as error:
        print(f"asr-prune: {sentence(error)}", file=sys.stderr)
        return 1


class Parser(argparse.ArgumentParser):
    """Says what is wrong with the command in one sentence."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help.\n")


def parser() -> Parser:
    """All verbs and their options."""
    example = "example: asr-prune corpus --recipe recipes/demo; asr-prune VERB --help tells more"
    top = Parser(prog="asr-prune", description="Makes acoustic models small without losing words.", epilog=example)
    top.add_argument("--version", action="version", version=f"asr_prune {__version__}")
    top.set_defaults(act=lambda _: without_verb(top))
    verbs = top.add_subparsers(metavar="VERB")
    for number, (name, help_text) in enumerate(STAGES.items()):
        add_recipe_verb(verbs, name, f"stage {number}: {help_text}", run_stage)
    add_recipe_verb(verbs, "check", "read the recipe, say what is wrong with it or list its runs", check)
    add_plan_verb(verbs)
    add_recipe_verb(verbs, "ladder", "decode and score the passes of the GMM-HMM themselves", run_ladder)
    add_verb(verbs, "verify", "compare the masked and the shrunk network of a run", verify, "exp/demo/runs/dense")
    add_widths(verbs)
    add_explain_verb(verbs)
    add_score_verbs(verbs)
    add_decode_verbs(verbs)
    add_corpus_verbs(verbs)
    add_lm_verb(verbs)
    add_kaldi_verb(verbs)
    add_export_verb(verbs)
    add_transcribe_verb(verbs)
    return top


def without_verb(top: Parser) -> int:
    """Shows what there is."""
    top.print_help(sys.stderr)
    return 2


def add_recipe_verb(verbs: argparse._SubParsersAction, name: str, help_text: str, act: object) -> None:
    """A verb that works on a recipe."""
    example = f"example: asr-prune {name} --recipe recipes/demo --set train.epochs=4"
    verb = verbs.add_parser(name, help=help_text, description=help_text, epilog=example)
    verb.add_argument("--recipe", default="recipes/demo", help="folder with a recipe.yaml (default: %(default)s)")
    verb.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change one key; repeatable")
    verb.add_argument("--nj", type=positive, default=NJ, help="processes (default: %(default)s)")
    verb.set_defaults(act=act, verb=name)


def add_verb(verbs: argparse._SubParsersAction, name: str, help_text: str, act: object, example: str) -> None:
    """A verb that works on a folder."""
    verb = verbs.add_parser(name, help=help_text, description=help_text, epilog=f"example: asr-prune {name} {example}")
    verb.add_argument("folder", type=Path)
    verb.set_defaults(act=act, verb=name)


def add_widths(verbs: argparse._SubParsersAction) -> None:
    """The verb that works on a run and on the recipe that made it."""
    help_text = "measure every width of a guided run: its first tenth of nodes, two tenths ... all, without training"
    example = "example: asr-prune widths exp/an4/runs/guided-keep0.25"
    verb = verbs.add_parser("widths", help=help_text, description=help_text, epilog=example)
    verb.add_argument("folder", type=Path, help="folder of a run of method guided after stage 4 (train)")
    verb.add_argument("--recipe", help="folder with a recipe.yaml (default: recipes/NAME for a run in exp/NAME)")
    verb.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change one key; repeatable")
    verb.add_argument("--nj", type=positive, default=NJ, help="processes (default: %(default)s)")
    verb.set_defaults(act=run_widths, verb="widths")


def run_stage(options: argparse.Namespace) -> None:
    """Runs one stage."""
    with working(options) as context:
        find_stage(options.verb)(context)


def run_ladder(options: argparse.Namespace) -> None:
    """Decodes every pass."""
    from asr_prune.analysis.ladder import ladder

    with working(options) as context:
        ladder(context)


def run_widths(options: argparse.Namespace) -> None:
    """Measures the widths of a run."""
    from asr_prune.analysis.widths import widths

    folder = run_folder(options.folder, "model/before_cut.pt", "a run of method guided after stage 4 (train)")
    options.recipe = options.recipe or f"recipes/{folder.parts[1]}"
    with working(options, f"asr-prune widths {folder} --recipe {options.recipe}") as context:
        refuse_foreign(folder, context)
        widths(context, folder)


def check(options: argparse.Namespace) -> None:
    """Reads the recipe and lists its runs."""
    from asr_prune.recipe.load import load_recipe

    loaded = load_recipe(options.recipe, options.set)
    for run in loaded.runs():
        print(f"{run.name}: {run.prune.method}, hidden {list(run.network.hidden)}, {run.train.epochs} epochs")


def verify(options: argparse.Namespace) -> int:
    """Exit status 1 where masked and shrunk network differ beyond the tolerance."""
    from asr_prune.stages.networks import verify as verify_run

    folder = run_folder(options.folder, "shrunk/network.pt", "a run after stage 5 (shrink)")
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    holds = verify_run(folder)
    print("the shrunk network is the masked one" if holds else "the shrunk network is NOT the masked one")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
