"""The command line: every stage is a verb, and a few verbs more."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from asr_prune import __version__
from asr_prune.errors import UserError
from asr_prune.stages import STAGES, find_stage
from asr_prune.stages.context import Context

TAIL = 8


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one verb. Returns 0, or 1 where it failed; 130 where it was interrupted."""
    options = parser().parse_args(arguments)
    try:
        return int(options.act(options) or 0)
    except UserError as error:
        print(f"asr-prune: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("asr-prune: interrupted; the same command goes on from here.", file=sys.stderr)
        return 130


def parser() -> argparse.ArgumentParser:
    """All verbs and their options."""
    top = argparse.ArgumentParser(prog="asr-prune", description="Makes acoustic models small without losing words.")
    top.add_argument("--version", action="version", version=f"asr_prune {__version__}")
    verbs = top.add_subparsers(metavar="VERB", required=True)
    for number, (name, help_text) in enumerate(STAGES.items()):
        add_recipe_verb(verbs, name, f"stage {number}: {help_text}", run_stage)
    add_recipe_verb(verbs, "check", "read the recipe, say what is wrong with it or list its runs", check)
    add_recipe_verb(verbs, "ladder", "decode and score the GMM-HMM passes themselves", run_ladder)
    add_verb(verbs, "verify", "compare the masked and the shrunk network of a run", verify, "exp/demo/runs/dense-s1")
    add_verb(verbs, "validate", "say what is wrong with a Kaldi data directory", validate, "data/demo/train")
    add_verb(verbs, "fix", "mend a Kaldi data directory and say what was dropped", fix, "data/demo/train")
    return top


def add_recipe_verb(verbs: argparse._SubParsersAction, name: str, help_text: str, act: object) -> None:
    """A verb that works on a recipe."""
    example = f"example: asr-prune {name} --recipe recipes/demo --set train.epochs=4"
    verb = verbs.add_parser(name, help=help_text, description=help_text, epilog=example)
    verb.add_argument("--recipe", default="recipes/demo", help="folder with a recipe.yaml (default: %(default)s)")
    verb.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change one key; repeatable")
    verb.add_argument("--nj", type=positive, default=2, help="processes (default: %(default)s)")
    verb.set_defaults(act=act, verb=name)


def add_verb(verbs: argparse._SubParsersAction, name: str, help_text: str, act: object, example: str) -> None:
    """A verb that works on a folder."""
    verb = verbs.add_parser(name, help=help_text, description=help_text, epilog=f"example: asr-prune {name} {example}")
    verb.add_argument("folder", type=Path)
    verb.set_defaults(act=act, verb=name)


def positive(text: str) -> int:
    """A whole number of 1 or more."""
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be 1 or more, not {text}")
    return int(text)


def run_stage(options: argparse.Namespace) -> None:
    """Runs one stage, with a log and a lock; on failure says the cause, the log's end, and how to go on."""
    with working(options) as context:
        find_stage(options.verb)(context)


def run_ladder(options: argparse.Namespace) -> None:
    """Decodes the GMM-HMM."""
    from asr_prune.stages.words import graph, ladder

    with working(options) as context:
        graph(context)
        ladder(context)


def check(options: argparse.Namespace) -> None:
    """Reads the recipe and lists its runs."""
    from asr_prune.recipe import load_recipe

    loaded = load_recipe(options.recipe, options.set)
    for run in loaded.runs():
        print(f"{run.name}: {run.prune.method}, hidden {list(run.network.hidden)}, {run.train.epochs} epochs")


@contextmanager
def working(options: argparse.Namespace) -> Iterator[Context]:
    """A stage's surroundings: context, lock, log file, and what is said when it fails."""
    from asr_prune.done import locked
    from asr_prune.recipe import load_recipe

    context = Context(load_recipe(options.recipe, options.set), options.nj)
    with locked(context.exp):
        path = context.exp / "log" / f"{options.verb}.log"
        start_log(path)
        try:
            yield context
        except (Exception, KeyboardInterrupt) as error:
            tell(error, path, context.command(options.verb))
            raise UserError(f"{options.verb} failed: {sentence(error)}") from error


def sentence(error: BaseException) -> str:
    """The cause in one line."""
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, KeyboardInterrupt):
        return "interrupted."
    return f"{type(error).__name__}: {error}"


def start_log(path: Path) -> None:
    """Sends what is logged to the terminal, and with times and more to a file."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = logging.FileHandler(path, mode="w", encoding="utf-8")
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}; free space or choose another folder.") from error
    file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    terminal = logging.StreamHandler(sys.stdout)
    terminal.setLevel(logging.INFO)
    terminal.setFormatter(logging.Formatter("%(message)s"))
    terminal.addFilter(lambda record: record.name.startswith("asr_prune") or record.levelno >= logging.WARNING)
    logging.basicConfig(level=logging.INFO, handlers=[file, terminal], force=True)
    logging.getLogger("asr_prune").setLevel(logging.DEBUG)
    logging.getLogger("matplotlib").setLevel(logging.WARNING)


def tell(error: BaseException, log: Path, command: str) -> None:
    """The log's last lines, its path, and the command to go on with; the traceback goes to the log only."""
    lines = log.read_text(encoding="utf-8").splitlines()[-TAIL:]
    if not isinstance(error, UserError):
        with log.open("a", encoding="utf-8") as file:
            import traceback

            traceback.print_exception(error, file=file)
    for line in lines:
        print(f"  | {line}", file=sys.stderr)
    print(f"log: {log}\ngo on with: {command}", file=sys.stderr)


def verify(options: argparse.Namespace) -> int:
    """Exit status 1 where masked and shrunk network differ beyond the tolerance."""
    from asr_prune.stages.networks import verify as verify_run

    if not (options.folder / "shrunk/network.pt").is_file():
        raise UserError(f"{options.folder}/shrunk/network.pt is missing; give a run's folder after stage 5 (shrink).")
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    holds = verify_run(options.folder.resolve().relative_to(Path.cwd()))
    print("the shrunk network is the masked one" if holds else "the shrunk network is NOT the masked one")
    return 0 if holds else 1


def validate(options: argparse.Namespace) -> int:
    """Exit status 1 where something is wrong."""
    from asr_prune.corpus.validate import validate as problems_of

    problems = problems_of(options.folder)
    print("\n".join(problems) if problems else f"{options.folder} is sound")
    return 1 if problems else 0


def fix(options: argparse.Namespace) -> None:
    """Says what was mended."""
    from asr_prune.corpus.fix import fix as mend

    done = mend(options.folder)
    print("\n".join(done) if done else f"{options.folder} needs no mending")


if __name__ == "__main__":
    sys.exit(main())
