"""The verbs that look at decoding."""

from __future__ import annotations

import argparse
from pathlib import Path

from asr_prune.errors import UserError


def add_decode_verbs(verbs: argparse._SubParsersAction) -> None:
    """bench and nbest."""
    says = "measure decoding: seconds of the network, of the search, and real-time factors, on one process"
    verb = _add(verbs, "bench", says, "decode exp/an4/runs/dense", first="what")
    verb.add_argument("--recipe", help="folder with a recipe.yaml (default: recipes/NAME for a run in exp/NAME)")
    verb.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change one key; repeatable")
    verb.set_defaults(act=bench)
    says = "print the most likely word sequences of each utterance, no two alike, of a run that kept its lattices"
    verb = _add(verbs, "nbest", says, "exp/an4/runs/dense -n 5")
    verb.add_argument("-n", type=int, default=10, help="sequences of an utterance (default: %(default)s)")
    verb.add_argument("--lm-weight", type=float, default=10.0, help="(default: %(default)s)")
    verb.add_argument("--penalty", type=float, default=0.0, help="cost of each word (default: %(default)s)")
    verb.set_defaults(act=nbest)


def _add(
    verbs: argparse._SubParsersAction, name: str, says: str, example: str, first: str = ""
) -> argparse.ArgumentParser:
    verb: argparse.ArgumentParser = verbs.add_parser(
        name, help=says, description=says, epilog=f"example: asr-prune {name} {example}"
    )
    if first:
        verb.add_argument(first, choices=("decode",), help="what to measure")
    verb.add_argument("folder", type=Path, metavar="RUN", help="folder of a run: exp/<name>/runs/<run>")
    verb.add_argument("--on", choices=("test", "dev"), default="test", help="which set (default: %(default)s)")
    return verb


def bench(options: argparse.Namespace) -> None:
    """Prints the table."""
    from asr_prune.analysis.bench import bench_decode
    from asr_prune.recipe.load import load_recipe
    from asr_prune.workflow.context import Context

    name = options.folder.resolve().parent.parent.name
    context = Context(load_recipe(options.recipe or f"recipes/{name}", options.set), 1)
    print("\n".join(bench_decode(context, options.folder, options.on)))


def nbest(options: argparse.Namespace) -> None:
    """Prints lines of `utterance-rank cost word word ...`."""
    from asr_prune.decode.lattice_archive import read_lattices
    from asr_prune.lang.symbols import read_symbols

    if options.n < 1 or options.lm_weight <= 0:
        raise UserError("-n must be at least 1 and --lm-weight above 0.")
    archive = options.folder / f"decode_{options.on}/lat.1.gz"
    if not archive.is_file():
        raise UserError(f"there is no {archive}; decode with --set decode.lattice=true to keep lattices.")
    ids = {i: word for word, i in read_symbols(options.folder.parent.parent / "graph/words.txt").items()}
    for utt, lattice in read_lattices(archive):
        for rank, (words, cost) in enumerate(lattice.n_best(options.n, (options.lm_weight, options.penalty)), 1):
            print(f"{utt}-{rank} {cost:.3f} {' '.join(ids.get(i, f'[{i}]') for i in words)}".rstrip())
