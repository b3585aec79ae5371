"""The report of all runs of an experiment, those of earlier commands included."""

from __future__ import annotations

from pathlib import Path

from asr_prune.files import atomic
from asr_prune.lang.overlap import read_overlap
from asr_prune.layout import Layout, runs_of_folds
from asr_prune.report.former import former_runs
from asr_prune.report.further import read_further
from asr_prune.report.options import ReportOptions
from asr_prune.report.runs import RunFiles
from asr_prune.report.write import write_report
from asr_prune.run_dir import RunDir
from asr_prune.score.options import ScoreOptions


def make_report(layout: Layout, options: ReportOptions, score: ScoreOptions, overlap: Path) -> None:
    """Writes the report folder and table.txt. overlap: what the lang stage counted, if it did.
    Raises UserError as `write_report`.
    """
    table = report_into(layout.report, layout, options, score, overlap)
    with atomic(layout.table) as file:
        file.write(table)


def report_into(out: Path, layout: Layout, options: ReportOptions, score: ScoreOptions, overlap: Path) -> str:
    """Writes the report to the folder `out` and returns its table. Raises UserError likewise."""
    runs, known = layout.existing_runs(), read_overlap(overlap)
    former = former_runs(runs)
    files = [files_of(run, run in former) for run in runs]
    return write_report(files, out, layout.name, options, score, known, read_further(layout, score))


def files_of(run: RunDir, former: bool = False) -> RunFiles:
    """What the report reads of a run; former: as in `Result`."""
    return RunFiles(
        name=run.name,
        result=run.result,
        norms=run.norms,
        weights=run.weights,
        widths=run.widths,
        before_cut=run.before_cut,
        decoded=run.decoded("test"),
        verify=run.verify,
        metrics=run.metrics,
        nodes=run.nodes,
        score=run.score("test"),
        network=run.shrunk,
        former=former,
        folds=tuple(map(files_of, runs_of_folds(run))),
    )
