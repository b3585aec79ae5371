"""The verb that tells a run's trail."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_explain_verb(verbs: argparse._SubParsersAction) -> None:
    """explain."""
    help_text = "tell what became of a run's nodes, when and why"
    example = "example: asr-prune explain exp/demo/runs/group_lasso-keep0.5 --layer 2 --node 17"
    verb = verbs.add_parser("explain", help=help_text, description=help_text, epilog=example)
    verb.add_argument("folder", type=Path, help="folder of a run after stage 4 (train)")
    verb.add_argument("--layer", type=int, help="hidden layer, counted from 1 at the input")
    verb.add_argument("--node", type=int, help="node of that layer in the dense network, counted from 0")
    verb.set_defaults(act=explain)


def explain(options: argparse.Namespace) -> None:
    """Prints the trail of a run, a layer or a node."""
    from asr_prune.report.explain import explain as told

    print(told(options.folder, options.layer, options.node))
