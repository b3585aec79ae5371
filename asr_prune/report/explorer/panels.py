"""What the panel of each run says, as JSON values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from asr_prune.report.cells import columns
from asr_prune.report.explorer.details import Details
from asr_prune.report.norms_plot import bin_edges
from asr_prune.report.results import Result
from asr_prune.report.runs import FinishedRun, Norms
from asr_prune.report.series import median_run, references_of

#: bins between two ticks of a histogram
_TICK = 11


def panel_data(runs: Sequence[FinishedRun], details: Mapping[str, Details]) -> dict[str, Any]:
    """The panel of each run by its name.

    `dense` of a panel is the run that it is compared with, the median one of dense networks of its
    size; "" if no dense run has a test WER.
    """
    rows = [run.result for run in runs]
    return {run.result.run: _panel(run, details[run.result.run], rows) for run in runs}


def _dense(row: Result, rows: Sequence[Result]) -> str:
    dense = references_of(row, [each for each in rows if each.wer_test is not None])
    return median_run(dense).run if dense else ""


def _panel(run: FinishedRun, details: Details, rows: Sequence[Result]) -> dict[str, Any]:
    row = run.result
    return {
        "facts": [[column.title, column.cell(row)] for column in columns(rows)[1:]],
        "made": {"command": row.command or "not recorded", "seed": row.seed, "commit": row.commit},
        "dense": _dense(row, rows),
        "layers": details.layers or [(None, width) for width in row.nodes_per_layer or []],
        "norms": histogram(run.norms) if run.norms else None,
        "curves": details.curves,
        "speakers": details.speakers,
        "confusions": details.confusions,
    }


def histogram(norms: Norms) -> dict[str, Any]:
    """Counts of all and of kept nodes in bins of equal width or equal ratio, drawn at equal width;
    ticks: the norm at a bin's left edge, by the bin's place.
    """
    edges, _ = bin_edges(norms.norms)
    clipped = np.maximum(norms.norms, edges[0])
    every, kept = (np.histogram(part, edges)[0].tolist() for part in (clipped, clipped[norms.kept]))
    ticks = {place: f"{edges[place]:.2g}" for place in range(0, len(edges), _TICK)}
    return {"all": every, "kept": kept, "ticks": ticks}
