"""The command line: every stage is a verb, and a few verbs more."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from asr_prune import __version__
from asr_prune.process import settle
from asr_prune.workflow.log import INTERRUPTED, Stopped, one_line


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one verb. Returns 0, or 1 if it failed; 130 if it was interrupted."""
    settle()
    typed = list(sys.argv[1:] if arguments is None else arguments)
    options = parser().parse_args(typed, argparse.Namespace(typed=typed))
    try:
        return int(options.act(options) or 0)
    except Stopped as stopped:
        return stopped.status
    except KeyboardInterrupt:
        print("asr-prune: interrupted; run the same command to go on.", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what reads our output has ended
        return 1
    except Exception as error:
        print(f"asr-prune: {one_line(error)}", file=sys.stderr)
        return 1


class Parser(argparse.ArgumentParser):
    """Says what is wrong with a command in one sentence."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help.\n")


def parser() -> Parser:
    """All verbs and their options; `settle` must have been called."""
    from asr_prune.cli import (  # load numpy
        bench,
        corpus,
        doctor,
        exports,
        imports,
        packs,
        plan,
        project,
        recipe,
        results,
        runs,
        scores,
        searches,
        serve,
        sweeps,
        transcripts,
    )

    example = "example: asr-prune corpus --recipe recipes/demo; for one verb: asr-prune VERB --help"
    top = Parser(prog="asr-prune", description="Makes acoustic models small without losing words.", epilog=example)
    top.add_argument("--version", action="version", version=f"asr_prune {__version__}")
    top.set_defaults(act=lambda _: _without_verb(top))
    verbs = top.add_subparsers(metavar="VERB")
    groups = (
        project,
        recipe,
        plan,
        sweeps,
        searches,
        results,
        doctor,
        runs,
        bench,
        scores,
        serve,
        corpus,
        packs,
        exports,
        imports,
        transcripts,
    )
    for group in groups:  # order of the help
        group.add_verbs(verbs)
    return top


def _without_verb(top: Parser) -> int:
    top.print_help(sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
