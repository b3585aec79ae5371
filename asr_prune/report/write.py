"""Writes all files of the report and returns the table for the terminal."""

from __future__ import annotations

import csv
import io
import json
import math
import textwrap
from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from asr_prune.files import atomic
from asr_prune.report.agreement import with_agreement
from asr_prune.report.costs_plot import costs_plot
from asr_prune.report.matrices_plot import matrices_plot, read_panels
from asr_prune.report.norms_plot import norms_plot
from asr_prune.report.options import ReportOptions
from asr_prune.report.page import Pictures, page
from asr_prune.report.remarks import remarks
from asr_prune.report.results import Result, finite
from asr_prune.report.runs import FinishedRun, RunFiles, read_runs
from asr_prune.report.sets import SetComparison
from asr_prune.report.sets_table import format_sets, sets_as_json
from asr_prune.report.table import table
from asr_prune.report.weights_plot import weights_plot
from asr_prune.report.wer_plot import wer_plot
from asr_prune.score.options import ScoreOptions

_CSV = """
run recipe method vectors strength keep_asked converged seed hidden_layers nodes_per_layer nodes
nodes_dense params params_dense macs_per_frame macs_dense nonzero_weights norm_mass_removed
dev_ce_before_cut dev_ce_after_cut dev_ce_final frame_accuracy_dev wer_dev wer_test wer_test_low
wer_test_high wer_raw_test wer_test_tuned words_test errors_test rtf_decode
am_forward_seconds_per_hour train_seconds train_seconds_per_epoch commit command
"""
#: the first columns of results.csv; the others follow in alphabetical order
CSV_COLUMNS = _CSV.split()


def _json_value(value: object) -> object:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def write_json(path: Path, rows: Sequence[Result]) -> None:
    """Writes `rows` as objects sorted by method, then nodes; NaN and infinity become null."""
    ordered = sorted(rows, key=lambda row: (row.method, finite(row.nodes) or 0, row.run))
    objects = [{k: _json_value(v) for k, v in row.to_dict().items()} for row in ordered]
    with atomic(path) as file:
        json.dump(objects, file, indent=1, ensure_ascii=False)
        file.write("\n")


def flat_row(row: Result) -> dict[str, object]:
    """`row` as cells: lists joined by spaces, an object in a column per key (errors_test.sub)."""
    cells: dict[str, object] = {}
    for key, value in row.to_dict().items():
        if isinstance(value, dict):
            cells.update({f"{key}.{name}": part for name, part in value.items()})
        else:
            cells[key] = " ".join(map(str, value)) if isinstance(value, list) else value
    return cells


def write_csv(path: Path, rows: Sequence[Result]) -> None:
    """Writes `rows` in their order, a column per key: CSV_COLUMNS first, then the others sorted."""
    lines = [flat_row(row) for row in rows]
    columns = {key for line in lines for key in line}

    def place(key: str) -> tuple[int, str]:
        base = key.split(".")[0]
        return (CSV_COLUMNS.index(base) if base in CSV_COLUMNS else len(CSV_COLUMNS)), key

    with atomic(path) as file:
        writer = csv.DictWriter(file, sorted(columns, key=place), lineterminator="\n")
        writer.writeheader()
        writer.writerows(lines)


def _png(figure: Figure, path: Path, dpi: int) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi, facecolor="white")
    with atomic(path, "wb") as file:
        file.write(buffer.getvalue())
    return buffer.getvalue()


def write_report(
    files: Sequence[RunFiles],
    out: Path,
    title: str,
    options: ReportOptions | None = None,
    score: ScoreOptions | None = None,
    warning: str = "",
    comparison: SetComparison | None = None,
) -> str:
    """Reads the runs of `files`, writes the report to the folder `out` and returns its table.

    Written: results.json, results.csv, comparison.json, wer_vs_nodes.png, costs.png, norms.png,
    index.html; weights.png if a run has weight histograms, matrices.png if a method with exact
    zeros was run. Unfinished or damaged runs are left out and listed below the table, as is what
    `remarks` finds. options.title replaces `title`; score: how words are compared if test has no
    transcripts; warning: a sentence about the test set; comparison: of the runs as sets. Raises
    UserError if no run is finished or `out` cannot be written.
    """
    options = options or ReportOptions()
    runs, skipped = read_runs(files)
    runs = with_agreement(runs, {each.name: each.decoded for each in files}, score or ScoreOptions(), skipped)
    rows, title = [run.result for run in runs], options.title or title
    write_json(out / "results.json", rows)
    write_csv(out / "results.csv", rows)
    networks = {each.name: each.before_cut for each in files}
    pictures = _draw(runs, networks, out, title, options.dpi)
    with atomic(out / "index.html") as file:
        file.write(page(runs, title, pictures, skipped, warning, comparison))
    with atomic(out / "comparison.json") as file:
        json.dump(sets_as_json(comparison), file, indent=1)
    sets = f"\n{format_sets(comparison, options.width)}\n" if comparison else ""
    warnings = textwrap.wrap(f"note: {warning}", options.width, subsequent_indent="  ") if warning else []
    notes = [f"skipped: {len(skipped)}", *(f"  {sentence}" for sentence in skipped)] if skipped else []
    return table(rows, options.width) + sets + "".join(f"{note}\n" for note in [*remarks(rows), *warnings, *notes])


def _draw(runs: Sequence[FinishedRun], networks: dict[str, Path], out: Path, title: str, dpi: int) -> Pictures:
    """The pictures as PNG, each also written to `out`."""
    rows = [run.result for run in runs]
    nested = [run for run in runs if run.nested]
    panels = read_panels(networks, rows)
    weights = any(run.weights for run in runs)
    return Pictures(
        wer=_png(wer_plot(rows, title, nested), out / "wer_vs_nodes.png", dpi),
        costs=_png(costs_plot(rows, title), out / "costs.png", dpi),
        norms=_png(norms_plot(runs, title), out / "norms.png", dpi),
        weights=_png(weights_plot(runs, title), out / "weights.png", dpi) if weights else None,
        matrices=_png(matrices_plot(panels, title), out / "matrices.png", dpi) if panels else None,
    )
