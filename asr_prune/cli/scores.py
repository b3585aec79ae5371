"""Verbs on scored runs: compare, sclite, ctm."""

from __future__ import annotations

import argparse
import glob
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

from asr_prune.cli.shared import Verbs, add_run_options, add_verb, not_negative, working_on_run
from asr_prune.errors import UserError
from asr_prune.report.unfinished import refuse_imported
from asr_prune.run_dir import RunDir

if TYPE_CHECKING:
    from asr_prune.report.sets import ScoredRun

_FOLDER = "folder of a run after the score stage"


def add_verbs(verbs: Verbs) -> None:
    """compare, sclite and ctm."""
    says = "which runs differ by more than chance: two runs in detail, or sets of runs that differ in their seed alone"
    verb = add_verb(verbs, "compare", says, compare_runs, "exp/an4/runs/dense exp/an4/runs/l2-keep0.5")
    what = (
        "folder of a run after the score stage; exp/NAME for all of its runs;"
        " or NAME=RUN,RUN,... for a set of any runs, with * and ? in the folders"
    )
    verb.add_argument("runs", nargs="+", metavar="RUNS", help=what)
    says = "set that the others are compared with (default: the dense runs)"
    verb.add_argument("--reference", metavar="SET", help=says)
    says = "of an experiment's folder: its runs with a teacher (default: those without)"
    verb.add_argument("--taught", action="store_true", help=says)
    verb.add_argument(
        "--samples",
        type=not_negative,
        default=10_000,
        help="bootstrap draws (default: %(default)s)",
    )
    verb.add_argument("--seed", type=not_negative, default=0, help="seed of the draws (default: %(default)s)")
    verb.add_argument("--json", action="store_true", help="print sets as JSON")
    says = "which set: test, dev, or one with noise, such as test_10db (default: %(default)s)"
    verb.add_argument("--on", type=_scored_set, default="test", metavar="SET", help=says)
    says = "score a run's words with NIST's sclite too, and show every utterance that it counts differently"
    verb = add_verb(verbs, "sclite", says, score_with_sclite, "exp/an4/runs/dense")
    verb.add_argument("folder", type=Path, metavar="RUN", help=_FOLDER)
    _add_on(verb)
    says = "write a run's words with their times, and the references, as NIST's ctm and stm"
    verb = add_verb(verbs, "ctm", says, ctm, "exp/an4/runs/dense --confidence")
    add_run_options(verb, "score", on=True, elsewhere=False)
    verb.add_argument(
        "--confidence",
        action="store_true",
        help="add the confidence of each word; decodes once more",
    )


def _scored_set(text: str) -> str:
    """A set that is scored, for argparse."""
    if not re.fullmatch(r"dev|test(_-?[0-9.]+db)?", text):
        raise argparse.ArgumentTypeError(f"must be test, dev or a set with noise such as test_10db, not {text!r}")
    return text


def _add_on(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--on", choices=("test", "dev"), default="test", help="which set (default: %(default)s)")


def compare_runs(options: argparse.Namespace) -> None:
    """Prints the comparison: of two runs in detail, else of sets. Raises UserError if --taught has
    no runs to choose among.
    """
    named = ["=" in text or _is_run(Path(text)) for text in options.runs]
    if options.taught and all(named):
        what = "--taught chooses among the runs of an experiment's folder"
        raise UserError(f"{what}; give exp/NAME, or leave it out.")
    two = len(options.runs) == 2 and all(named) and not any("=" in text for text in options.runs)
    if two and not options.reference and not options.json:
        _compare_two(options)
    else:
        _compare_sets(options)


def _compare_two(options: argparse.Namespace) -> None:
    from asr_prune.score.compare import compare, format_comparison
    from asr_prune.score.pairing import read_pair

    first, second = options.runs
    refuse_imported(RunDir(Path(folder)) for folder in (first, second))
    pair = read_pair(*(RunDir(Path(folder)).score(options.on) for folder in (first, second)))
    print(format_comparison((first, second), compare(*pair, options.samples, options.seed)))


def _compare_sets(options: argparse.Namespace) -> None:
    from asr_prune.report.sets import compared, usual_reference
    from asr_prune.report.sets_table import format_sets, sets_as_json

    left_out: list[str] = []
    sets = _given_sets(options, left_out)
    if len(sets) < 2:
        raise UserError(
            f"all runs given are of one set, {next(iter(sets))}; give runs of another one to compare with it."
        )
    reference = options.reference or usual_reference(sets)
    if reference not in sets:
        raise UserError(f"--reference {reference} is none of the sets: {', '.join(sets)}.")
    comparison = compared(sets, reference, options.samples, options.seed, left_out)
    print(json.dumps(sets_as_json(comparison), indent=1) if options.json else format_sets(comparison))


def _given_sets(options: argparse.Namespace, left_out: list[str]) -> dict[str, list[ScoredRun]]:
    """The sets that the command line names; what it leaves out of a folder is added to `left_out`.

    Raises UserError if one has no run, or is named twice.
    """
    from asr_prune.report.former import runs_of_now
    from asr_prune.report.sets import alike_in_teaching, by_seed, read_run, runs_in

    part = options.on
    loose: dict[RunDir, ScoredRun] = {}
    named: dict[str, list[ScoredRun]] = {}
    for text in options.runs:
        name, equals, patterns = text.partition("=")
        if equals and name in named:
            raise UserError(f"the set {name} is given twice; put its runs behind one {name}=, with commas.")
        if equals:
            named[name] = [read_run(run, part) for run in _matching(name, patterns)]
        else:
            path = Path(text)
            if _is_run(path) or not path.is_dir():
                chosen = [read_run(RunDir(path), part)]
            else:
                present, former = runs_of_now(runs_in(path))
                chosen, said = alike_in_teaching([read_run(run, part) for run in present], options.taught)
                left_out += former + said
            loose |= {run.folder: run for run in chosen}
    grouped = by_seed(list(loose.values()))
    if both := sorted(named.keys() & grouped.keys()):
        raise UserError(f"the set {both[0]} is given twice; choose another name before the = sign.")
    return named | grouped


def _is_run(path: Path) -> bool:
    return path.resolve().parent.name == "runs"


def _matching(name: str, patterns: str) -> list[RunDir]:
    folders = [folder for pattern in patterns.split(",") for folder in sorted(glob.glob(pattern))]
    if not name or not folders:
        raise UserError(f"{name}={patterns} names no set of runs; write NAME=RUN,RUN with folders that exist.")
    return [RunDir(Path(folder)) for folder in dict.fromkeys(folders)]


def score_with_sclite(options: argparse.Namespace) -> None:
    """Prints our counts and sclite's."""
    from asr_prune.score.sclite import format_judgement, judge, sclite_sgml
    from asr_prune.score.table import read_utterances

    refuse_imported([RunDir(options.folder)])
    stem = RunDir(options.folder).score(options.on)
    utterances = read_utterances(stem.with_suffix(".utts.tsv"))
    files = stem.with_suffix(".ref.trn"), stem.with_suffix(".hyp.trn")
    sgml = sclite_sgml(*files, optional=any(utterance.markup for utterance in utterances))
    print(format_judgement(judge(utterances, sgml)))


def ctm(options: argparse.Namespace) -> None:
    """Says what was written."""
    from asr_prune.transcribe.recogniser import RunRecogniser
    from asr_prune.transcribe.timing import write_times

    refuse_imported([RunDir(options.folder)])
    with working_on_run(options, lambda run: run.score("dev"), "score") as (experiment, run):
        recogniser = RunRecogniser(run, experiment.decoding, experiment.nj)
        write_times(recogniser, options.on, experiment.recipe.score, options.confidence)
