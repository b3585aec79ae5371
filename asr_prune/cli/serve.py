"""The verb serve: the report in a browser."""

from __future__ import annotations

import argparse
import os
import sys
import webbrowser
from contextlib import suppress

from asr_prune.cli.shared import Verbs, add_recipe_options, add_verb, given_experiment, not_negative
from asr_prune.lang.overlap import OVERLAP


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
    from asr_prune.report.make_report import report_into
    from asr_prune.report.served import ServedReport
    from asr_prune.report.server import is_loopback, open_server

    experiment = given_experiment(options)
    layout, recipe = experiment.layout, experiment.recipe
    facts = layout, recipe.report, recipe.score, layout.lang / OVERLAP
    report = ServedReport(layout, lambda out: report_into(out, *facts))
    with open_server(report, options.host, options.port) as server, report, suppress(KeyboardInterrupt):
        host = f"[{options.host}]" if ":" in options.host else options.host
        address = f"http://{host}:{server.server_port}/"
        print(f"{layout.exp}: {address} (Ctrl-C ends it)", flush=True)
        if not is_loopback(options.host):
            print("All who can reach this machine can see the report and hear the test set.", flush=True)
        if sys.platform == "darwin" or {"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys():
            webbrowser.open(address)
        server.serve_forever()
