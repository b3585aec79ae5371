"""All files of the report, and the table that the stage prints."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from asr_prune.files import atomic
from asr_prune.report.matrices_plot import matrices_plot, read_panels
from asr_prune.report.norms_plot import norms_plot
from asr_prune.report.options import ReportOptions
from asr_prune.report.page import page
from asr_prune.report.rows import KEYS, Row, number, read_runs
from asr_prune.report.table import table
from asr_prune.report.weights_plot import weights_plot
from asr_prune.report.wer_plot import wer_plot


def _finite(value: object) -> object:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def write_json(path: Path, rows: Sequence[Row]) -> None:
    """`rows` as a list of objects, sorted by method, then nodes; numbers that JSON does not know become null."""
    ordered = sorted(rows, key=lambda row: (row["method"], number(row, "nodes") or 0, str(row["run"])))
    with atomic(path) as file:
        json.dump(
            [{key: _finite(value) for key, value in row.items()} for row in ordered], file, indent=1, ensure_ascii=False
        )
        file.write("\n")


def flat(row: Row) -> dict[str, object]:
    """A row as one line of a spreadsheet: lists joined by spaces, objects spread as errors_test.sub and so on."""
    cells: dict[str, object] = {}
    for key, value in row.items():
        if isinstance(value, dict):
            cells.update({f"{key}.{name}": part for name, part in value.items()})
        else:
            cells[key] = " ".join(map(str, value)) if isinstance(value, list) else value
    return cells


def write_csv(path: Path, rows: Sequence[Row]) -> None:
    """`rows` in their order under the keys of results.json, then the keys that runs added, sorted."""
    lines = [flat(row) for row in rows]
    seen = {key for line in lines for key in line}

    def place(key: str) -> tuple[int, str]:
        base = key.split(".")[0]
        return (KEYS.index(base) if base in KEYS else len(KEYS)), key

    with atomic(path) as file:
        writer = csv.DictWriter(file, sorted(seen, key=place), lineterminator="\n")
        writer.writeheader()
        writer.writerows(lines)


def _png(figure: Figure, path: Path, dpi: int) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi, facecolor="white")
    with atomic(path, "wb") as file:
        file.write(buffer.getvalue())
    return buffer.getvalue()


def write_report(exp: Path, options: ReportOptions | None = None) -> str:
    """Reads exp/runs/*/result.json and norms.npz, writes exp/report/ and returns the table for the terminal.

    Written: results.json, results.csv, wer_vs_nodes.png, norms.png, index.html; weights.png where a run has histograms
    of its weights, and matrices.png where there are runs of l1 or guided. Unfinished or damaged runs are
    left out and counted below the table. Raises UserError where no run is finished, or the folder cannot be written.
    """
    options = options or ReportOptions()
    runs, skipped = read_runs(exp)
    rows, out, title = [run.row for run in runs], exp / "report", options.title or exp.resolve().name
    write_json(out / "results.json", rows)
    write_csv(out / "results.csv", rows)
    nested = [run for run in runs if run.nested]
    wer_png = _png(wer_plot(rows, title, nested), out / "wer_vs_nodes.png", options.dpi)
    norms_png = _png(norms_plot(runs, title), out / "norms.png", options.dpi)
    weights_png = None
    if any(run.weights for run in runs):
        weights_png = _png(weights_plot(runs, title), out / "weights.png", options.dpi)
    panels = read_panels(exp, rows)
    matrices_png = _png(matrices_plot(panels, title), out / "matrices.png", options.dpi) if panels else None
    with atomic(out / "index.html") as file:
        file.write(page(rows, title, wer_png, norms_png, skipped, nested, matrices_png, weights_png))
    notes = [f"skipped: {len(skipped)}", *(f"  {sentence}" for sentence in skipped)] if skipped else []
    return table(rows, options.width) + "".join(f"{note}\n" for note in notes)
