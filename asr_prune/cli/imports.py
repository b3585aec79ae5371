"""The verb import."""

from __future__ import annotations

import argparse
from pathlib import Path

from asr_prune.cli.shared import Verbs, add_verb
from asr_prune.errors import UserError
from asr_prune.recipe.packaged import RECIPES


def add_verbs(verbs: Verbs) -> None:
    """import."""
    says = "write a recipe that prunes a Kaldi (nnet3) or Vosk model that you have, on audio without transcripts"
    example = "vosk-model-small-ko my_ko --train data/train --test data/test"
    verb = add_verb(verbs, "import", says, import_model, example)
    verb.add_argument("model", type=Path, metavar="DIR", help="directory with final.mdl, conf and ivector files")
    verb.add_argument("name", metavar="NAME", help=f"of the recipe, {RECIPES}/NAME")
    data = "Kaldi data directory (wav.scp, utt2spk) of audio to {}"
    verb.add_argument("--train", type=Path, metavar="DATA", required=True, help=data.format("train on"))
    verb.add_argument("--test", type=Path, metavar="DATA", required=True, help=data.format("compare on"))
    dev = f"{data.format('tune on')} (default: every tenth speaker of --train)"
    graph = "graph of a Kaldi directory (mkgraph.sh), to compare words in Vosk and export --vosk"
    verb.add_argument("--graph", type=Path, metavar="DIR", help=graph)
    labels = "alignment directory or pdf-ids of the utterances of --train, learnt beside the model's own posteriors"
    verb.add_argument("--labels", type=Path, metavar="ALI", help=labels)
    verb.add_argument("--dev", type=Path, metavar="DATA", help=dev)


def import_model(options: argparse.Namespace) -> None:
    """Prints what the model is, and how to go on."""
    from asr_prune.kaldi.import_model import Heard, examine_model, write_import

    if Path(options.name).name != options.name or options.name in ("", ".", ".."):
        raise UserError(f"{options.name!r} is no name of a recipe; give one without a slash.")
    found = examine_model(options.model, options.graph)
    heard = Heard(options.train, options.test, options.dev)
    path = write_import(found, heard, Path(RECIPES) / options.name, options.graph, options.labels)
    print("\n".join(found.lines()))
    print(f"{path}: run asr-prune run --recipe {path.parent}, then asr-prune export RUN OUT --nnet3 or --vosk")
