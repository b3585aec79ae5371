"""The report of all runs of an experiment, those of earlier commands included."""

from __future__ import annotations

from asr_prune.files import atomic
from asr_prune.layout import Layout
from asr_prune.report.options import ReportOptions
from asr_prune.report.write import RunFiles, write_report


def make_report(layout: Layout, options: ReportOptions) -> None:
    """Writes the report folder and table.txt. Raises UserError as `write_report`."""
    runs = [
        RunFiles(run.name, run.result, run.norms, run.weights, run.widths, run.before_cut, run.verify)
        for run in layout.existing_runs()
    ]
    table = write_report(runs, layout.report, layout.name, options)
    with atomic(layout.table) as file:
        file.write(table)
