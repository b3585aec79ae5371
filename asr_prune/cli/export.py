"""The verb that hands a network to other programs."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

from asr_prune.cli.common import run_folder
from asr_prune.errors import UserError
from asr_prune.workflow.context import NJ, SETS, Context

SAYS = "write the shrunk network of a run for other programs (of the GMM-HMM: export-kaldi)"
ONNX = "network.onnx and network.int8.onnx, compared with torch on dev and test; WER where the run has been scored"
NNET1 = "the folder of Kaldi's nnet1 recipe, text; feed-forward networks only"
LOGLIKES = "archives of scaled log-likelihoods, <set>.ark and <set>.scp, for latgen-faster-mapped"


def add_export_verb(verbs: argparse._SubParsersAction) -> None:
    """export."""
    example = "example: asr-prune export exp/an4/runs/dense deploy/an4 --onnx"
    verb = verbs.add_parser("export", help=SAYS, description=SAYS, epilog=example)
    verb.add_argument("folder", type=Path, metavar="RUN", help="folder of a run after stage 5 (shrink)")
    verb.add_argument("out", type=Path, metavar="OUT", help="folder to write; an earlier export is replaced")
    kind = verb.add_mutually_exclusive_group(required=True)
    for name, says in (("onnx", ONNX), ("nnet1", NNET1), ("loglikes", LOGLIKES)):
        kind.add_argument(f"--{name}", dest="kind", action="store_const", const=name, help=says)
    on = "for --loglikes: which set; repeatable (default: dev and test)"
    verb.add_argument("--on", choices=SETS, action="append", default=[], help=on)
    recipe = "for --onnx: the recipe that decoded the run (default: recipes/NAME for a run in exp/NAME)"
    verb.add_argument("--recipe", help=recipe)
    verb.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change one key; repeatable")
    verb.add_argument("--nj", type=int, choices=range(1, 1025), default=NJ, metavar="N", help="processes that decode")
    verb.set_defaults(act=export_run, verb="export")


def export_run(options: argparse.Namespace) -> None:
    """Writes one export and says what is in it."""
    from asr_prune.export.exporting import NETWORK, Trained, export_loglikes, export_nnet1, export_onnx, table

    _refuse_unused(options)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    trained = Trained(run_folder(options.folder, NETWORK, "a run after stage 5 (shrink)"))
    if options.kind == "nnet1":
        export_nnet1(trained, options.out)
    elif options.kind == "loglikes":
        export_loglikes(trained, options.out, options.on or ("dev", "test"))
    else:
        print("\n".join(table(export_onnx(trained, options.out, _decoded_by(trained.folder, options)))))


def _refuse_unused(options: argparse.Namespace) -> None:
    """Raises UserError for an option that this kind of export does not heed."""
    for name, given, kind in (
        ("--on", options.on, "loglikes"),
        ("--recipe", options.recipe, "onnx"),
        ("--set", options.set, "onnx"),
    ):
        if given and options.kind != kind:
            raise UserError(f"{name} goes with --{kind} only; leave it out with --{options.kind}.")


def _decoded_by(run: Path, options: argparse.Namespace) -> Context | None:
    """The recipe of a run that has been scored; None, saying so, for one that has not."""
    from asr_prune.recipe.load import load_recipe

    if not (run / "score_test.json").is_file():
        print(f"{run} has not been scored (stage 8): networks are compared by logits, not by words", flush=True)
        return None
    return Context(load_recipe(options.recipe or f"recipes/{run.parts[1]}", options.set), options.nj)
