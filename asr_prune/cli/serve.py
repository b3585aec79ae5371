"""The verb serve: the report in a browser."""

from __future__ import annotations

import argparse
import os
import sys
import webbrowser
from contextlib import suppress
from typing import TYPE_CHECKING

from asr_prune.cli.shared import Verbs, add_recipe_options, add_verb, given_experiment, not_negative
from asr_prune.errors import UserError
from asr_prune.lang.overlap import OVERLAP
from asr_prune.workflow.experiment import Experiment

if TYPE_CHECKING:
    from asr_prune.report.served import ServedReport


def add_verbs(verbs: Verbs) -> None:
    """serve."""
    says = "show the report in a browser, live while runs finish, with the audio of the test set"
    verb = add_verb(verbs, "serve", says, serve, "--recipe recipes/demo --port 8765")
    add_recipe_options(verb, nj=False)
    says = "port, 0 for a free one (default: %(default)s)"
    verb.add_argument("--port", type=not_negative, default=8765, help=says)
    says = "address to listen at; 0.0.0.0 lets other machines in (default: %(default)s, this machine alone)"
    verb.add_argument("--host", default="127.0.0.1", help=says)


def serve(options: argparse.Namespace) -> None:
    """Serves until it is interrupted."""
    from asr_prune.report.server import is_loopback, open_server

    experiment = given_experiment(options)
    if experiment.imported:
        what = "the runs of an imported model have a table and no page"
        raise UserError(f"{what}; print it with {experiment.command_of('report')}")
    report = served_report(experiment)
    with open_server(report, options.host, options.port) as server, report, suppress(KeyboardInterrupt):
        host = f"[{options.host}]" if ":" in options.host else options.host
        address = f"http://{host}:{server.server_port}/"
        print(f"{report.layout.exp}: {address} (Ctrl-C ends it)", flush=True)
        if not is_loopback(options.host):
            print("All who can reach this machine can see the report and hear the test set.", flush=True)
        if sys.platform == "darwin" or {"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys():
            webbrowser.open(address)
        server.serve_forever()


def served_report(experiment: Experiment) -> ServedReport:
    """The report of an experiment, with the audio of its test set; with folds that of all of them
    together, with the audio of theirs.
    """
    from asr_prune.report.make_report import report_into
    from asr_prune.report.served import ServedReport

    layout, recipe = experiment.pooled.layout, experiment.recipe
    facts = layout, recipe.report, recipe.score, layout.lang / OVERLAP
    tests = [part.layout.set("test") for part in experiment.folds or [experiment]]
    return ServedReport(layout, lambda out: report_into(out, *facts), tests)
