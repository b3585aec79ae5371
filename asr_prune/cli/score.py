"""The verbs that look at scored runs."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

from asr_prune.cli.numbers import positive
from asr_prune.workflow.context import NJ

_FOLDER = "folder of a run after stage 8 (score)"


def add_score_verbs(verbs: argparse._SubParsersAction) -> None:
    """compare, sclite and ctm."""
    says = "tell whether two runs differ by more than chance: paired bootstrap by speaker, and NIST's MAPSSWE test"
    verb = _add(verbs, "compare", says, "exp/an4/runs/dense exp/an4/runs/l2-keep0.5")
    verb.add_argument("first", type=Path, metavar="RUN", help=_FOLDER)
    verb.add_argument("second", type=Path, metavar="RUN", help="the run to compare with it")
    verb.add_argument("--samples", type=_count, default=10_000, help="draws of the speakers (default: %(default)s)")
    verb.add_argument("--seed", type=_count, default=0, help="seed of the draws (default: %(default)s)")
    verb.set_defaults(act=compare_runs)
    says = "score a run's words with NIST's sclite too, and show every utterance that it counts otherwise"
    verb = _add(verbs, "sclite", says, "exp/an4/runs/dense")
    verb.add_argument("folder", type=Path, metavar="RUN", help=_FOLDER)
    verb.set_defaults(act=judge_run)
    says = "write a run's words with their times, and what was said, as NIST's ctm and stm"
    verb = _add(verbs, "ctm", says, "exp/an4/runs/dense --confidence")
    verb.add_argument("folder", type=Path, metavar="RUN", help=_FOLDER)
    verb.add_argument("--confidence", action="store_true", help="how sure each word is; searches the set once more")
    verb.add_argument("--recipe", help="folder with a recipe.yaml (default: recipes/NAME for a run in exp/NAME)")
    verb.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change one key; repeatable")
    verb.add_argument("--nj", type=positive, default=NJ, help="processes (default: %(default)s)")
    verb.set_defaults(act=time_run, verb="ctm")


def _add(verbs: argparse._SubParsersAction, name: str, says: str, example: str) -> argparse.ArgumentParser:
    verb: argparse.ArgumentParser = verbs.add_parser(
        name, help=says, description=says, epilog=f"example: asr-prune {name} {example}"
    )
    verb.add_argument("--on", choices=("test", "dev"), default="test", help="which set (default: %(default)s)")
    return verb


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"must be a whole number of 0 or more, not {text!r}")
    return int(text)


def compare_runs(options: argparse.Namespace) -> None:
    """Prints the comparison."""
    from asr_prune.score.compare import compare, format_comparison
    from asr_prune.score.pairing import read_pair

    folders = options.first, options.second
    pair = read_pair(*(folder / f"score_{options.on}.json" for folder in folders))
    names = str(options.first), str(options.second)
    print(format_comparison(names, compare(*pair, options.samples, options.seed)))


def judge_run(options: argparse.Namespace) -> None:
    """Prints our counts and sclite's."""
    from asr_prune.score.sclite import format_judgement, judge, sclite_ops, sclite_sgml
    from asr_prune.score.table import read_utterances

    stem = options.folder / f"score_{options.on}"
    utterances = read_utterances(stem.with_suffix(".utts.tsv"))
    ops = sclite_ops(sclite_sgml(stem.with_suffix(".ref.trn"), stem.with_suffix(".hyp.trn")))
    print(format_judgement(judge(utterances, ops)))


def time_run(options: argparse.Namespace) -> None:
    """Says what was written."""
    from asr_prune.cli.common import recipe_of
    from asr_prune.transcribe.timing import write_times

    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    context, folder = recipe_of(options, "score_dev.json", "a run after stage 8 (score)")
    write_times(context, folder, options.on, options.confidence)
