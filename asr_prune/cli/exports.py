"""Verbs that write for other programs: export, export-kaldi."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from asr_prune.cli.shared import (
    Verbs,
    add_recipe_options,
    add_verb,
    need_words,
    open_run,
    positive,
    run_folder,
)
from asr_prune.errors import UserError, listed
from asr_prune.export.scored import decoded_words
from asr_prune.layout import SCORED_SETS, SETS
from asr_prune.run_dir import RunDir
from asr_prune.stages.in_vosk import sound_of_test
from asr_prune.workflow.experiment import NJ
from asr_prune.workflow.log import print_messages

if TYPE_CHECKING:
    from asr_prune.export.run_exports import Judging
    from asr_prune.export.trained_run import TrainedRun

_ONNX = "network.onnx and network.int8.onnx, compared with torch on dev and test; WER if the run has been scored"
_NNET1 = "the folder of Kaldi's nnet1 recipe, text; feed-forward networks only"
_SHERPA = "what sherpa-onnx loads: model.onnx, tokens.txt and, if words are searched, HLG.fst; CTC"
_NNET3 = "the folder of a Kaldi nnet3 system: final.mdl, final.raw"
_VOSK = "a model directory that Vosk loads; networks on filterbanks or MFCC without speaker adaptation"
_LOGLIKES = "archives of log-likelihoods, <set>.ark and <set>.scp, for latgen-faster-mapped"
_SAYS = {
    "onnx": _ONNX,
    "sherpa": _SHERPA,
    "vosk": _VOSK,
    "nnet3": _NNET3,
    "nnet1": _NNET1,
    "loglikes": _LOGLIKES,
}


def add_verbs(verbs: Verbs) -> None:
    """export and export-kaldi."""
    _add_export(verbs)
    says = "write a pass of the GMM-HMM as a Kaldi alignment directory with its lang and decoding graph"
    verb = add_verb(verbs, "export-kaldi", says, export_kaldi, "exp/demo/align/mono kaldi/mono_ali --nj 4")
    verb.add_argument("folder", type=Path, metavar="ALIGN_DIR", help="the pass: exp/<name>/align/<pass>")
    verb.add_argument("out", type=Path, metavar="OUT", help="folder to write; an earlier export is replaced")
    verb.add_argument("--lang", type=Path, metavar="DIR", help="its lang folder (default: data/<name>/lang)")
    verb.add_argument("--graph", type=Path, metavar="DIR", help="its decoding graph (default: that of exp/<name>)")
    data = "data directory of labelled utterances; repeatable (default: data/<name>/train and dev)"
    verb.add_argument("--data", type=Path, metavar="DIR", action="append", default=[], help=data)
    verb.add_argument(
        "--nj",
        type=positive,
        default=NJ,
        help="jobs to split into, by speaker (default: %(default)s)",
    )


def _add_export(verbs: Verbs) -> None:
    says = "write the shrunk network of a run for other programs (for the GMM-HMM: export-kaldi)"
    verb = add_verb(verbs, "export", says, export_run, "exp/an4/runs/dense deploy/an4 --onnx")
    verb.add_argument("folder", type=Path, metavar="RUN", help="folder of a run after the shrink stage")
    verb.add_argument("out", type=Path, metavar="OUT", help="folder to write; an earlier export is replaced")
    kind = verb.add_mutually_exclusive_group(required=True)
    for name, says in _SAYS.items():
        kind.add_argument(f"--{name}", dest="kind", action="store_const", const=name, help=says)
    check = "for --vosk and --sherpa: let that runtime decode test, too, and count the utterances with our words"
    verb.add_argument("--check", action="store_true", help=check)
    on = "for --loglikes: which set; repeatable (default: dev and test)"
    verb.add_argument("--on", choices=SETS, action="append", default=[], help=on)
    kinds = listed([f"--{kind}" for kind in _OF_RECIPE], "and")
    verb.epilog = f"{verb.epilog}; --recipe and --set go with {kinds} only"
    add_recipe_options(verb, None, elsewhere=False)


def export_run(options: argparse.Namespace) -> None:
    """Writes one export and reports what is in it."""
    from asr_prune.export.trained_run import TrainedRun

    _refuse_unused(options)
    print_messages()
    trained = TrainedRun(run_folder(options.folder, lambda run: run.shrunk, "shrink"))
    if trained.imported_from and options.kind not in _OF_IMPORTED:
        what = f"the network of {trained.imported_from} is one of nnet3, for which --{options.kind} has no form"
        raise UserError(f"{what}; export it with --nnet3 or --vosk.")
    print("\n".join(_EXPORTS[options.kind](trained, options)), end="")


def _onnx(trained: TrainedRun, options: argparse.Namespace) -> list[str]:
    from asr_prune.export.run_exports import export_onnx, format_checks

    return [*format_checks(export_onnx(trained, options.out, _judging(trained.run, options))), ""]


def _nnet1(trained: TrainedRun, options: argparse.Namespace) -> list[str]:
    from asr_prune.export.run_exports import export_nnet1

    export_nnet1(trained, options.out)
    return []


def _loglikes(trained: TrainedRun, options: argparse.Namespace) -> list[str]:
    from asr_prune.export.run_exports import export_loglikes

    export_loglikes(trained, options.out, options.on or SCORED_SETS)
    return []


def _sherpa(trained: TrainedRun, options: argparse.Namespace) -> list[str]:
    from asr_prune.export.sherpa import export_sherpa, format_likenesses
    from asr_prune.export.sherpa_check import check_sherpa, need_sherpa

    if options.check:
        need_sherpa()
        decoded_words(trained.run)
    experiment, _ = open_run(options, lambda run: run.shrunk, "shrink")
    need_words(experiment)
    found = export_sherpa(trained, options.out, experiment.decoding)
    lines = [*format_likenesses(found, options.out), ""]
    if not options.check:
        return lines
    sound, score, bins = sound_of_test(experiment), experiment.recipe.score, trained.deployed().base.bins
    return [*lines, *check_sherpa(trained.run, options.out, sound, bins, score), ""]


def _nnet3(trained: TrainedRun, options: argparse.Namespace) -> list[str]:
    from asr_prune.export.imported import export_imported
    from asr_prune.export.nnet3 import export_nnet3

    if trained.imported_from:
        export_imported(trained, options.out, "nnet3")
    else:
        export_nnet3(trained, options.out)
    return []


def _vosk(trained: TrainedRun, options: argparse.Namespace) -> list[str]:
    from asr_prune.export.imported import export_imported
    from asr_prune.export.nnet3 import export_vosk
    from asr_prune.export.vosk_check import check_vosk, format_vosk_check, need_vosk

    if trained.imported_from:
        if options.check:
            raise UserError("--check: of imported models the decode stage compares words; leave it out.")
        export_imported(trained, options.out, "vosk")
        return []
    if options.check:
        need_vosk()
        decoded_words(trained.run)
    experiment, _ = open_run(options, lambda run: run.shrunk, "shrink")
    export_vosk(trained, options.out, experiment.decoding)
    if not options.check:
        return []
    sound, score = sound_of_test(experiment), experiment.recipe.score
    return [*format_vosk_check(check_vosk(trained.run, options.out, sound, score)), ""]


#: by kind: writes it and returns lines for the terminal
_EXPORTS = {
    "onnx": _onnx,
    "nnet1": _nnet1,
    "nnet3": _nnet3,
    "vosk": _vosk,
    "loglikes": _loglikes,
    "sherpa": _sherpa,
}
#: the kinds for networks that were imported
_OF_IMPORTED = ["nnet3", "vosk", "loglikes"]
#: the kinds that read the recipe
_OF_RECIPE = ["onnx", "sherpa", "vosk"]


def _refuse_unused(options: argparse.Namespace) -> None:
    """Raises UserError for an option that this kind of export ignores."""
    for name, value, kinds in (
        ("--on", options.on, ["loglikes"]),
        ("--check", options.check, ["vosk", "sherpa"]),
        ("--recipe", options.recipe, _OF_RECIPE),
        ("--set", options.set, _OF_RECIPE),
    ):
        if value and options.kind not in kinds:
            where = " or ".join(f"--{kind}" for kind in kinds)
            raise UserError(f"{name} goes with {where} only; leave it out with --{options.kind}.")


def _judging(run: RunDir, options: argparse.Namespace) -> Judging | None:
    """How words are decoded and scored; None, with a message, for a run that has not been scored."""
    from asr_prune.export.run_exports import Judging

    if not run.score("test").is_file():
        print(f"{run.path} has not been scored: networks are compared by logits, not by words", flush=True)
        return None
    experiment, _ = open_run(options, lambda run: run.shrunk, "shrink")
    return Judging(experiment.decoding, experiment.recipe.score, experiment.nj)


def export_kaldi(options: argparse.Namespace) -> None:
    """Reports what is in the folder."""
    from asr_prune.kaldi.export import ExportFolders, export_pass

    print_messages()
    places = ExportFolders.around(options.folder, options.lang, options.graph, options.data)
    export_pass(places, options.out, options.nj)
