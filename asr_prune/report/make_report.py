"""The report of all runs of an experiment, those of earlier commands included."""

from __future__ import annotations

from pathlib import Path

from asr_prune.files import atomic
from asr_prune.lang.overlap import read_overlap
from asr_prune.layout import Layout
from asr_prune.report.options import ReportOptions
from asr_prune.report.sets import compare_all
from asr_prune.report.write import RunFiles, write_report
from asr_prune.score.options import ScoreOptions


def make_report(layout: Layout, options: ReportOptions, score: ScoreOptions, overlap: Path) -> None:
    """Writes the report folder and table.txt. overlap: what the lang stage counted, if it did.
    Raises UserError as `write_report`.
    """
    runs = [
        RunFiles(
            name=run.name,
            result=run.result,
            norms=run.norms,
            weights=run.weights,
            widths=run.widths,
            before_cut=run.before_cut,
            decoded=run.decoded("test"),
            verify=run.verify,
        )
        for run in layout.existing_runs()
    ]
    comparison = compare_all(layout.existing_runs(), score.bootstrap, score.seed)
    known = read_overlap(overlap)
    table = write_report(runs, layout.report, layout.name, options, score, known, comparison)
    with atomic(layout.table) as file:
        file.write(table)
