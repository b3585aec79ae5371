"""Verbs on a trained run: verify, widths, explain, nbest."""

from __future__ import annotations

import argparse
from pathlib import Path

from asr_prune.cli.shared import (
    Verbs,
    above_zero,
    add_run_options,
    add_verb,
    finite_number,
    need_words,
    not_negative,
    open_run,
    positive,
    run_folder,
    working_on_run,
)
from asr_prune.errors import UserError
from asr_prune.run_dir import RunDir, lattices_file
from asr_prune.stages.of_now import need_features


def add_verbs(verbs: Verbs) -> None:
    """verify, widths, explain and nbest."""
    says = "compare the masked and the shrunk network of a run, by logits and by words"
    add_run_options(add_verb(verbs, "verify", says, verify, "exp/demo/runs/dense"), "shrink")
    says = "measure every width of a guided run: its first tenth of nodes, two tenths ... all, without training"
    add_run_options(add_verb(verbs, "widths", says, widths, "exp/an4/runs/guided-keep0.25"), "train", elsewhere=False)
    _add_explain(verbs)
    says = "print the most likely word sequences of each utterance, no two alike, of a run that kept its lattices"
    verb = add_verb(verbs, "nbest", says, nbest, "exp/an4/runs/dense -n 5")
    add_run_options(verb, "decode", nj=False, on=True)
    verb.add_argument("-n", type=positive, default=10, help="sequences of an utterance (default: %(default)s)")
    verb.add_argument("--lm-weight", type=above_zero, default=10.0, help="(default: %(default)s)")
    verb.add_argument(
        "--penalty",
        type=finite_number,
        default=0.0,
        help="cost of each word (default: %(default)s)",
    )


def _add_explain(verbs: Verbs) -> None:
    says = "explain when and why the nodes of a run were removed"
    verb = add_verb(verbs, "explain", says, explain_run, "exp/demo/runs/group_lasso-keep0.5 --layer 2 --node 17")
    verb.add_argument("folder", type=Path, metavar="RUN", help="folder of a run after the train stage")
    verb.add_argument("--layer", type=positive, help="hidden layer, counted from 1 at the input")
    verb.add_argument("--node", type=not_negative, help="node of that layer in the dense network, counted from 0")


def verify(options: argparse.Namespace) -> int:
    """Exit status 1 if masked and shrunk network differ beyond the tolerance."""
    from asr_prune.acoustic.checkpoint import load_model
    from asr_prune.score.verify_run import verify_run

    with working_on_run(options, lambda run: run.shrunk, "shrink") as (experiment, run):
        need_features(experiment, load_model(run.shrunk).features, run.shrunk)
        holds = verify_run(run, experiment.decoding, experiment.nj)
    print("the shrunk network is the masked one" if holds else "the shrunk network is NOT the masked one")
    return 0 if holds else 1


def widths(options: argparse.Namespace) -> None:
    """Measures the widths of a run."""
    from asr_prune.acoustic.checkpoint import load_model
    from asr_prune.analysis.widths import Judge, measure_widths

    with working_on_run(options, lambda run: run.before_cut, "train") as (experiment, run):
        need_features(experiment, load_model(run.before_cut).features, run.before_cut)
        measure_widths(run, Judge(experiment.decoding, experiment.recipe.score, experiment.nj))


def explain_run(options: argparse.Namespace) -> None:
    """Prints the trail of a run, a layer or a node."""
    from asr_prune.report.explain import explain

    run = run_folder(options.folder, lambda run: run.trail, "train")
    print(explain(run, options.layer, options.node))


def nbest(options: argparse.Namespace) -> None:
    """Prints lines of `utterance-rank cost word word ...`."""
    from asr_prune.decode.lattice_archive import read_lattices
    from asr_prune.lang.symbols import read_symbols

    experiment, run = open_run(options, lambda run: run.shrunk, "shrink")
    need_words(experiment)
    archive = _lattices(run, options.on)
    if experiment.graph is None:
        raise UserError(f"{run.path} is decoded greedily and has no lattices; set decode.search to graph.")
    words = {i: word for word, i in read_symbols(experiment.graph / "words.txt").items()}
    for utt, lattice in read_lattices(archive):
        for rank, (ids, cost) in enumerate(lattice.n_best(options.n, (options.lm_weight, options.penalty)), 1):
            print(f"{utt}-{rank} {cost:.3f} {' '.join(words.get(i, f'[{i}]') for i in ids)}".rstrip())


def _lattices(run: RunDir, part: str) -> Path:
    archive = lattices_file(run.decoded(part))
    if not archive.is_file():
        raise UserError(f"{archive} is missing; decode with --set decode.lattice=true to keep lattices.")
    return archive
