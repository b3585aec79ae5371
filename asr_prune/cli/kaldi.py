"""The verb that hands a pass to Kaldi."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

from asr_prune.cli.numbers import positive
from asr_prune.workflow.context import NJ


def add_kaldi_verb(verbs: argparse._SubParsersAction) -> None:
    """export-kaldi."""
    says = "write a pass of the GMM-HMM as a Kaldi alignment directory with its lang and decoding graph"
    example = "example: asr-prune export-kaldi exp/demo/align/mono kaldi/mono_ali --nj 4"
    verb = verbs.add_parser("export-kaldi", help=says, description=says, epilog=example)
    verb.add_argument("folder", type=Path, metavar="ALIGN_DIR", help="the pass: exp/<name>/align/<pass>")
    verb.add_argument("out", type=Path, metavar="OUT", help="folder to write; an earlier export is replaced")
    verb.add_argument("--lang", type=Path, metavar="DIR", help="its lang folder (default: data/<name>/lang)")
    verb.add_argument("--graph", type=Path, metavar="DIR", help="its graph (default: in exp/<name>, where it is made)")
    data_help = "data directory of labelled utterances; repeatable (default: data/<name>/train and dev)"
    verb.add_argument("--data", type=Path, metavar="DIR", action="append", default=[], help=data_help)
    verb.add_argument("--nj", type=positive, default=NJ, help="jobs to split into, by speaker (default: %(default)s)")
    verb.set_defaults(act=export_kaldi, verb="export-kaldi")


def export_kaldi(options: argparse.Namespace) -> None:
    """Says what is in the folder."""
    from asr_prune.kaldi.export import Places, export

    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    export(Places.around(options.folder, options.lang, options.graph, options.data), options.out, options.nj)
