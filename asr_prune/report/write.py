"""Writes all files of the report and returns the table for the terminal."""

from __future__ import annotations

import io
import json
import textwrap
from collections.abc import Sequence
from pathlib import Path

from matplotlib import rc_context
from matplotlib.figure import Figure

from asr_prune.files import atomic
from asr_prune.report.agreement import with_agreement
from asr_prune.report.costs_plot import costs_plot
from asr_prune.report.explorer.details import read_details
from asr_prune.report.further import Further, small_tables
from asr_prune.report.hard import with_hard
from asr_prune.report.matrices_plot import matrices_plot, read_panels
from asr_prune.report.norms_plot import norms_plot
from asr_prune.report.options import ReportOptions
from asr_prune.report.page import Pictures, page
from asr_prune.report.remarks import remarks
from asr_prune.report.results import of_now
from asr_prune.report.results_text import csv_text, json_text
from asr_prune.report.runs import FinishedRun, RunFiles, read_runs
from asr_prune.report.sets_table import format_sets, sets_as_json
from asr_prune.report.small_table import small_text
from asr_prune.report.table import table
from asr_prune.report.waiting import with_waiting
from asr_prune.report.weights_plot import weights_plot
from asr_prune.report.wer_plot import wer_plot
from asr_prune.score.options import ScoreOptions


def _picture(figure: Figure, path: Path, dpi: int) -> bytes:
    """Writes a figure as PNG, and as SVG under the same stem; returns the PNG."""
    buffers = {kind: io.BytesIO() for kind in ("png", "svg")}
    # without a date and with a fixed salt of ids, equal figures are equal files
    with rc_context({"svg.hashsalt": "asr_prune"}):
        figure.savefig(buffers["svg"], format="svg", metadata={"Date": None}, facecolor="white")
    figure.savefig(buffers["png"], format="png", dpi=dpi, facecolor="white")
    for kind, buffer in buffers.items():
        with atomic(path.with_suffix(f".{kind}"), "wb") as file:
            file.write(buffer.getvalue())
    return buffers["png"].getvalue()


def write_report(
    files: Sequence[RunFiles],
    out: Path,
    title: str,
    options: ReportOptions | None = None,
    score: ScoreOptions | None = None,
    warning: str = "",
    further: Further | None = None,
) -> str:
    """Reads the runs of `files`, writes the report to the folder `out` and returns its table.

    Written: results.json, results.csv, comparison.json, index.html, and as PNG and SVG
    wer_vs_nodes, costs, norms, weights if a run has weight histograms, matrices if a method with
    exact zeros was run. Unfinished or damaged runs are left out and listed below the table, as is
    what `remarks` finds. Former runs stand in the table of runs alone. options.title replaces
    `title`; score: how words are compared if test has no transcripts; warning: a sentence about the
    test set; further: comparison, time and harder tests. Raises UserError if no run is finished or
    `out` cannot be written.
    """
    options, further = options or ReportOptions(), further or Further()
    runs, skipped = read_runs(files)
    runs = with_agreement(runs, {each.name: each.decoded for each in files}, score or ScoreOptions(), skipped)
    runs = with_hard(with_waiting(runs, further.front_end), further.hard)
    rows, title = [run.result for run in runs], options.title or title
    for name, text in (("results.json", json_text(rows)), ("results.csv", csv_text(rows))):
        with atomic(out / name) as file:
            file.write(text)
    networks = {each.name: each.before_cut for each in files}
    details = {each.name: read_details(each, skipped) for each in files if each.name in {row.run for row in rows}}
    now = of_now(rows)
    pictures = _draw([run for run in runs if run.result in now], networks, out, title, options.dpi)
    with atomic(out / "index.html") as file:
        file.write(page(runs, details, title, pictures, skipped, warning, further.comparison))
    with atomic(out / "comparison.json") as file:
        file.write(json.dumps(sets_as_json(further.comparison), indent=1))
    tables = [small_text(*each, options.width) for each in small_tables(now)]
    sets = further.comparison
    tables += [format_sets(sets, options.width)] if sets and any(len(row.runs.seeds) > 1 for row in sets.rows) else []
    warnings = textwrap.wrap(f"note: {warning}", options.width, subsequent_indent="  ") if warning else []
    notes = [f"skipped: {len(skipped)}", *(f"  {sentence}" for sentence in skipped)] if skipped else []
    lines = [*(f"\n{text}" for text in tables), *remarks(rows), *warnings, *notes]
    return table(rows, options.width) + "".join(f"{line}\n" for line in lines)


def _draw(runs: Sequence[FinishedRun], networks: dict[str, Path], out: Path, title: str, dpi: int) -> Pictures:
    """The pictures as PNG, each also written to `out`."""
    rows = [run.result for run in runs]
    nested = [run for run in runs if run.nested]
    panels = read_panels(networks, rows)
    weights = any(run.weights for run in runs)
    return Pictures(
        wer=_picture(wer_plot(rows, title, nested), out / "wer_vs_nodes.png", dpi),
        costs=_picture(costs_plot(rows, title), out / "costs.png", dpi),
        norms=_picture(norms_plot(runs, title), out / "norms.png", dpi),
        weights=_picture(weights_plot(runs, title), out / "weights.png", dpi) if weights else None,
        matrices=_picture(matrices_plot(panels, title), out / "matrices.png", dpi) if panels else None,
    )
