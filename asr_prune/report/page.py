"""The report as one self-contained HTML page."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from PIL import Image

from asr_prune.errors import counted
from asr_prune.report.cells import interval_cell, layers, legend
from asr_prune.report.explorer.details import Details
from asr_prune.report.explorer.runs_table import runs_table, wide_table
from asr_prune.report.explorer.section import download, explorer, scripts
from asr_prune.report.explorer.style import STYLE, WITHOUT_SCRIPT
from asr_prune.report.further import small_tables
from asr_prune.report.remarks import remarks
from asr_prune.report.results import Result, finite, is_dense, of_now, references
from asr_prune.report.results_text import csv_text, json_text
from asr_prune.report.runs import FinishedRun, NestedWidth
from asr_prune.report.series import median_run
from asr_prune.report.sets import SetComparison
from asr_prune.report.sets_page import sets_section
from asr_prune.report.small_table import small_section

_READING = (
    "Each point of the first figure is one run: a network trained, pruned, shrunk, decoded and"
    " scored. Further left is smaller, lower is better. The dashed line is the dense network, the"
    " band its 95 % interval; dashes and dots are a dense network with a teacher, beside others. No"
    " run of the Pareto front is beaten in both size and WER.",
    "Nodes are not all that a network costs: the first and the last map stay as wide outside as"
    " they are. Compare the speed of networks by multiply-adds, their files by parameters.",
    "If the bars of two points overlap widely, this test set cannot separate them. Compare methods"
    " at the same node count.",
    "LM weight and word insertion penalty were chosen on dev and applied to test unchanged.",
    "A method that separates nodes to keep from nodes to cut shows two peaks in its histogram, the"
    " cut nodes near zero. A single peak that the cut divides means that the cut, not training,"
    " removed the nodes; the cross-entropies before and after the cut then differ.",
)
_COSTS = "Test word error rate and dev cross-entropy against nodes, parameters and multiply-adds"
_NESTED = (
    "Networks cut, without retraining, from one run as it was before its cut: the first"
    " nodes of each layer. Nodes that have no effect are not counted."
)


@dataclass(frozen=True)
class Pictures:
    """PNG files of the report; None if there is nothing to draw."""

    wer: bytes
    costs: bytes
    norms: bytes
    weights: bytes | None = None
    matrices: bytes | None = None


def summary(rows: Sequence[Result]) -> str:
    """The dense network's WER, and the smallest network whose WER lies inside its interval.

    Of several dense runs the median one counts; runs with other teachers than its own do not.
    """
    scored = [row for row in rows if finite(row.wer_test) is not None]
    if rows and all(row.words_test == 0 for row in rows):
        return f"{counted(rows, 'run')}; the test set has no transcripts, so that there is no word error rate."
    if not any(map(is_dense, scored)):
        return f"{counted(rows, 'run')}, without a scored dense network to compare with."
    dense = median_run(references(scored))
    nodes = finite(dense.nodes) or 0
    size = f"The dense network ({nodes:,.0f} hidden nodes)"
    text = f"{size} has a test WER of {dense.wer_test:.2f} %."
    high = finite(dense.wer_test_high) or dense.wer_test
    alike = [row for row in scored if row.teachers == dense.teachers]
    pruned = [row for row in alike if not is_dense(row) and finite(row.nodes)]
    inside = [row for row in pruned if row.wer_test <= high]
    if not inside:
        return text
    least = min(inside, key=lambda row: (row.nodes, row.wer_test))
    share = 100 * least.nodes / (finite(least.nodes_dense) or nodes or least.nodes)
    light = min(inside, key=lambda row: (finite(row.params) or math.inf, row.wer_test))
    by_params = f" By parameters it is {light.run}: {light.params:,.0f} at {light.wer_test:.2f} %."
    return (
        f"{text} The smallest network whose WER is not above the dense one's interval is"
        f" {least.run}: {least.nodes:,.0f} nodes ({share:.3g} %) at {least.wer_test:.2f} %."
        f"{by_params if light.run != least.run and finite(light.params) else ''}"
    )


def _image(png: bytes, alt: str) -> str:
    """A picture in the page, as WebP of 128 colours: a fifth of the bytes of PNG, and no difference
    that can be seen.
    """
    packed = io.BytesIO()
    few = Image.open(io.BytesIO(png)).convert("RGB").quantize(128, dither=Image.Dither.NONE)
    few.convert("RGB").save(packed, "WEBP", lossless=True)
    data = base64.b64encode(packed.getvalue()).decode()
    return f'<img alt="{escape(alt)}" src="data:image/webp;base64,{data}">'


def _nested_row(row: NestedWidth) -> str:
    figures = (
        f"{row.width:g}",
        f"{row.nodes:,}",
        layers(row),
        f"{row.dev_ce:.3f}",
        f"{row.wer_dev:.2f}",
        interval_cell(row),
    )
    return f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in figures)}</tr>"


def _nested_table(run: FinishedRun) -> str:
    names = ("share of each layer", "nodes", "per layer", "dev CE", "WER dev", "WER test")
    head = "".join(f"<th>{name}</th>" for name in names)
    body = "".join(map(_nested_row, run.nested))
    return f"<h3>{escape(run.result.run)}</h3>{wide_table(head, body)}"


def _bullets(sentences: Sequence[str]) -> str:
    return "<ul>" + "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences) + "</ul>"


def _picture(title: str, png: bytes | None, alt: str) -> list[str]:
    return [f"<h2>{title}</h2>", _image(png, alt)] if png else []


def _downloads(rows: Sequence[Result]) -> str:
    files = (
        ("results.csv", csv_text(rows), "text/csv"),
        ("results.json", json_text(rows), "application/json"),
    )
    links = ", ".join(download(*file) for file in files)
    return f'<p class="soft">With all columns: {links}.</p>'


def _sections(
    runs: Sequence[FinishedRun],
    details: Mapping[str, Details],
    title: str,
    pictures: Pictures,
    skipped: Sequence[str],
    warning: str,
    comparison: SetComparison | None,
) -> list[str]:
    rows, nested = [run.result for run in runs], [run for run in runs if run.nested]
    sampled = [f"{run.result.run}: {run.sampled}." for run in runs if run.sampled]
    norms = "Histograms of node norms before the cut, kept and cut nodes"
    matrices = "Magnitudes of weights before the cut"
    still = _image(pictures.wer, "Test word error rate against surviving hidden nodes, by method")
    return [
        f"<h1>{escape(title)}</h1>",
        f'<p class="lead">{escape(summary(of_now(rows)))}</p>',
        f'<div class="paper">{still}</div><noscript><style>{WITHOUT_SCRIPT}</style></noscript>',
        explorer(runs, details),
        "<h2>Runs</h2>",
        runs_table(rows),
        _downloads(rows),
        *([f"<p>{escape(warning)}</p>"] if warning else []),
        *sets_section(comparison),
        *(line for table in small_tables(of_now(rows)) for line in small_section(*table)),
        *([_bullets(found)] if (found := [*sampled, *remarks(rows)]) else []),
        *([f"<h2>Skipped: {len(skipped)}</h2>{_bullets(skipped)}"] if skipped else []),
        f"<h2>How to read it</h2>{_bullets([*_READING, *legend(rows)])}",
        *_picture("Errors against nodes, parameters and multiply-adds", pictures.costs, _COSTS),
        *_picture("Node norms", pictures.norms, norms),
        *([f'<h2>Nested widths</h2><p class="soft">{_NESTED}</p>'] if nested else []),
        *map(_nested_table, nested),
        *_picture("Weights before the cut", pictures.matrices, matrices),
        *_picture("Weights", pictures.weights, "Histograms of weights at the ends of the phases"),
    ]


def page(
    runs: Sequence[FinishedRun],
    details: Mapping[str, Details],
    title: str,
    pictures: Pictures,
    skipped: Sequence[str],
    warning: str = "",
    comparison: SetComparison | None = None,
) -> str:
    """HTML of the whole report with its pictures; `runs` in the order of the table.

    details: of each run by its name; skipped: a sentence for each unfinished or damaged run;
    warning: one about the test set; comparison: of the runs as sets.
    """
    body = "\n".join(_sections(runs, details, title, pictures, skipped, warning, comparison))
    metas = '<meta charset="utf-8"><meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">'
    head = f"{metas}<title>{escape(title)}</title><style>{STYLE}</style>"
    html = f'<html lang="en"><head>{head}</head>\n<body>\n<main>{body}</main>\n{scripts()}</body></html>'
    return f"<!doctype html>\n{html}\n"
