"""The verbs that look at a data directory."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_corpus_verbs(verbs: argparse._SubParsersAction) -> None:
    """validate and fix."""
    for name, says, act in (
        ("validate", "say what is wrong with a Kaldi data directory", validate),
        ("fix", "mend a Kaldi data directory and say what was dropped", fix),
    ):
        verb = verbs.add_parser(name, help=says, description=says, epilog=f"example: asr-prune {name} data/demo/train")
        verb.add_argument("folder", type=Path)
        verb.set_defaults(act=act)


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
