"""Verbs on scored runs: compare, sclite, ctm."""

from __future__ import annotations

import argparse
from pathlib import Path

from asr_prune.cli.shared import Verbs, add_run_options, add_verb, not_negative, working_on_run
from asr_prune.run_dir import RunDir

_FOLDER = "folder of a run after the score stage"


def add_verbs(verbs: Verbs) -> None:
    """compare, sclite and ctm."""
    says = "test whether two runs differ by more than chance: paired bootstrap by speaker, and NIST's MAPSSWE test"
    verb = add_verb(verbs, "compare", says, compare_two, "exp/an4/runs/dense exp/an4/runs/l2-keep0.5")
    verb.add_argument("first", type=Path, metavar="RUN", help=_FOLDER)
    verb.add_argument("second", type=Path, metavar="RUN", help="the run to compare with it")
    verb.add_argument("--samples", type=not_negative, default=10_000, help="draws of speakers (default: %(default)s)")
    verb.add_argument("--seed", type=not_negative, default=0, help="seed of the draws (default: %(default)s)")
    _add_on(verb)
    says = "score a run's words with NIST's sclite too, and show every utterance that it counts differently"
    verb = add_verb(verbs, "sclite", says, score_with_sclite, "exp/an4/runs/dense")
    verb.add_argument("folder", type=Path, metavar="RUN", help=_FOLDER)
    _add_on(verb)
    says = "write a run's words with their times, and the references, as NIST's ctm and stm"
    verb = add_verb(verbs, "ctm", says, ctm, "exp/an4/runs/dense --confidence")
    add_run_options(verb, "score", on=True)
    verb.add_argument("--confidence", action="store_true", help="add the confidence of each word; decodes once more")


def _add_on(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--on", choices=("test", "dev"), default="test", help="which set (default: %(default)s)")


def compare_two(options: argparse.Namespace) -> None:
    """Prints the comparison."""
    from asr_prune.score.compare import compare, format_comparison
    from asr_prune.score.pairing import read_pair

    folders = options.first, options.second
    pair = read_pair(*(RunDir(folder).score(options.on) for folder in folders))
    names = str(options.first), str(options.second)
    print(format_comparison(names, compare(*pair, options.samples, options.seed)))


def score_with_sclite(options: argparse.Namespace) -> None:
    """Prints our counts and sclite's."""
    from asr_prune.score.sclite import format_judgement, judge, sclite_sgml
    from asr_prune.score.table import read_utterances

    stem = RunDir(options.folder).score(options.on)
    utterances = read_utterances(stem.with_suffix(".utts.tsv"))
    files = stem.with_suffix(".ref.trn"), stem.with_suffix(".hyp.trn")
    sgml = sclite_sgml(*files, optional=any(utterance.markup for utterance in utterances))
    print(format_judgement(judge(utterances, sgml)))


def ctm(options: argparse.Namespace) -> None:
    """Says what was written."""
    from asr_prune.transcribe.recogniser import RunRecogniser
    from asr_prune.transcribe.timing import write_times

    with working_on_run(options, lambda run: run.score("dev"), "score") as (experiment, run):
        recogniser = RunRecogniser(run, experiment.decoding, experiment.nj)
        write_times(recogniser, options.on, experiment.recipe.score, options.confidence)
