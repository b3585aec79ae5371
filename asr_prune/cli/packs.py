"""The verb pack."""

from __future__ import annotations

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from asr_prune.cli.shared import Verbs, add_run_options, add_verb, need_words, open_run
from asr_prune.errors import UserError
from asr_prune.interrupts import interruptible
from asr_prune.workflow.log import print_messages

if TYPE_CHECKING:
    from asr_prune.transcribe.recogniser import RunRecogniser


def add_verbs(verbs: Verbs) -> None:
    """pack."""
    says = "put everything that transcribe needs of a run into one file"
    verb = add_verb(verbs, "pack", says, pack, "exp/an4/runs/group_lasso-keep0.25 an4.asr")
    add_run_options(verb, "score", elsewhere=False)
    verb.add_argument("out", type=Path, metavar="OUT.asr", help="file to write; an earlier one is replaced")
    beside = "also compare size and seconds with this run, for instance the dense one"
    verb.add_argument("--beside", type=Path, metavar="RUN", help=beside)


def pack(options: argparse.Namespace) -> None:
    """Prints the sizes of the parts and, if requested, the costs of both models."""
    from asr_prune.transcribe.pack import format_parts, pack_run

    if options.out.suffix != ".asr":
        raise UserError(f"{options.out}: the name of a packed model ends in .asr; add it.")
    print_messages()
    with interruptible():
        recogniser = _run_recogniser(options, options.folder)
        print("\n".join(format_parts(pack_run(recogniser, options.out))))
        if options.beside:
            _compare(options, recogniser)


def _run_recogniser(options: argparse.Namespace, folder: Path) -> RunRecogniser:
    from asr_prune.transcribe.recogniser import RunRecogniser

    chosen = argparse.Namespace(**{**vars(options), "folder": folder})
    experiment, run = open_run(chosen, lambda run: run.shrunk, "shrink")
    need_words(experiment)
    return RunRecogniser(run, experiment.decoding.on("cpu"), experiment.nj)  # of any machine


def _compare(options: argparse.Namespace, recogniser: RunRecogniser) -> None:
    """Packs the other run too, into a folder that is removed."""
    from asr_prune.transcribe.pack import pack_run
    from asr_prune.transcribe.pack_cost import format_costs, measure_pack

    other = _run_recogniser(options, options.beside)
    with TemporaryDirectory() as folder:
        pack_run(other, file := Path(folder) / "beside.asr")
        pairs = (file, other), (options.out, recogniser)
        costs = [measure_pack(path, of.decoding.stored("test")) for path, of in pairs]
    print("\n".join(["", *format_costs(costs)]))
